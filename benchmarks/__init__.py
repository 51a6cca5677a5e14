"""Side-by-side speed against peers: same results first, then time. Run by `make bench`, never part of the tests."""
