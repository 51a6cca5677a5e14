"""Heat maps led astray while the answer is kept."""
