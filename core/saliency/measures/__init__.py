"""What says which maps to trust: one measure a file, joined in the catalogue."""
