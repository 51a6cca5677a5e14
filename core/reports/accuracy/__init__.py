"""Accuracy on clean and attacked test images: the figures on the cards."""
