"""Attacks: images to changed images within a ball; whether they worked is for the caller to judge."""
