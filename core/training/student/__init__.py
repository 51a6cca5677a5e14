"""Robust students: networks that start as a teacher and learn to answer attacked pictures as it answers clean ones."""
