"""Load: many visitors at once, at the level of the app's own protocol."""
