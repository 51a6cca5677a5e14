"""Trainings that a server runs for its visitors: messages, what is watched, the worker."""
