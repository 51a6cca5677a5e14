"""The Adversarial page."""
