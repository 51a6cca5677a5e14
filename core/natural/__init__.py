"""Natural changes of a picture that need no generator, and the smallest of each that changes a network's answer."""
