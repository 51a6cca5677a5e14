"""Tasks, data sets and galleries: which pictures there are and what they are called."""
