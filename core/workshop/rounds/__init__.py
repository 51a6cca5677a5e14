"""The kinds of rounds: one file each, listed in `catalogue`."""
