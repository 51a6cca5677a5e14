"""Latent space performance metrics of classifiers."""
