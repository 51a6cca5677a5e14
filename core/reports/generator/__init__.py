"""What a generator rebuilds and draws."""
