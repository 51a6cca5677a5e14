"""What the papers claim, held against what reports measured."""
