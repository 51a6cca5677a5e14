"""Anomaly scores: what a confounding label would change in the weights, detectors on it, and their baselines."""
