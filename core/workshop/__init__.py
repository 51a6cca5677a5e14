"""Workshops: rounds for a room full of people, their answers stored exactly once, and what they amount to."""
