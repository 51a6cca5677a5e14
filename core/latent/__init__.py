"""Latent codes: generators shared like the zoo's networks, and what moves through their latent space."""
