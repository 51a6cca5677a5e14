"""Untrusted bytes to checked pixels, in processes of their own that import Pillow and NumPy and nothing heavier."""
