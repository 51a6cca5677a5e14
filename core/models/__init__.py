"""Classifiers: architectures, the zoo of model cards, loading, and the fast inference form."""
