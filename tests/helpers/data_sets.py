"""A tiny synthetic Fashion-MNIST in the official idx form."""

import struct
from pathlib import Path

import numpy as np


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as an idx file (the MNIST format)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def write_fashion(root: Path) -> Path:
    """`root` with 4,400 training and 60 test pictures; a picture's label is its mean brightness over 25."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 4400), ("t10k", 60)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = np.clip(labels[:, None, None] * 25 + rng.integers(0, 20, (count, 28, 28)), 0, 255).astype(np.uint8)
        write_idx(root / "FashionMNIST" / "raw" / f"{part}-images-idx3-ubyte", images)
        write_idx(root / "FashionMNIST" / "raw" / f"{part}-labels-idx1-ubyte", labels)
    return root
