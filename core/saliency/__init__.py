"""Saliency: (model, image, target) to attributions with the image's shape."""
