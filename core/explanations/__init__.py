"""Explanations: what a model sees in one image, built from attacks and saliency."""
