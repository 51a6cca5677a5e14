"""Data sets in the idx form of MNIST, read here: the import of torchvision, which fetches them, takes longer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.official import Official, of_torchvision

_UINT8 = 8  # in a file's third byte; the fourth is the number of axes


@dataclass(frozen=True, slots=True, eq=False)
class IdxSet:
    """One part of a set, by torchvision's names: pictures uint8 (N, H, W) and their classes int64 (N,)."""

    data: Tensor
    targets: Tensor


def idx(name: str) -> Official:
    """torchvision's class of this name, in its place: files that are there are read without it."""
    folder = f"{name}/raw"
    fetched = of_torchvision(name, folder)

    def kind(root: str, train: bool, download: bool = False) -> Any:
        if download:
            return fetched(root, train=train, download=True)
        part = Path(root, folder, "train" if train else "t10k")
        data, targets = read(Path(f"{part}-images-idx3-ubyte")), read(Path(f"{part}-labels-idx1-ubyte"))
        if targets.shape != data.shape[:1]:
            raise OSError(f"{part}: pictures and labels are not of one set")
        return IdxSet(torch.from_numpy(data), torch.from_numpy(targets.astype(np.int64)))

    return kind


def read(path: Path) -> NDArray[np.uint8]:
    """The bytes of an idx file in their shape.

    Raises:
        OSError: the file can't be read, is no idx file of bytes, or is not whole.
    """
    content = path.read_bytes()
    axes = content[3] if content[:3] == bytes((0, 0, _UINT8)) else 0
    shape = np.frombuffer(content, ">u4", axes, 4).astype(int) if len(content) >= 4 + 4 * axes > 4 else np.zeros(0, int)
    values = np.frombuffer(content, np.uint8)[4 + 4 * axes :]
    if not len(shape) or len(values) != shape.prod():
        raise OSError(f"{path} is no whole idx file of bytes")
    return values.reshape(shape).copy()
