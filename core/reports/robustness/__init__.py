"""Every attack on every network of a task."""
