"""The steps that bring a database to this version, one file each; they run by themselves at the start."""
