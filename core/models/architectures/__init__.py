"""The architectures that a card may name: a file each, one line in the catalogue."""
