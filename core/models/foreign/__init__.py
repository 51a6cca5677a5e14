"""Networks from elsewhere: files of weights that know nothing of this project, read in a process with limits."""
