"""The engine of Robustscope: a plain PyTorch library, usable from a notebook."""
