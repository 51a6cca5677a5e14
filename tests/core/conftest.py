"""A tiny synthetic Fashion-MNIST in the official idx form, and a tiny zoo."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from core.models import zoo
from core.models.resnet import PreActResNet, ResNetConfig
from core.reports import provenance, scratch
from core.reports.provenance import Code


@pytest.fixture(autouse=True)
def committed(monkeypatch):
    """The code counts as committed, whatever state the checkout is in."""
    for module in (provenance, scratch):
        monkeypatch.setattr(module, "code", lambda: Code("0.1.0 (0123456789)", uncommitted=False))


def figures(rows):
    """Rows without the runs that measured them: the same figures may come from two runs."""
    return [{name: value for name, value in row.items() if name != "made"} for row in rows]


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


@pytest.fixture(scope="session")
def fashion_files(tmp_path_factory):
    """The data root of `write_fashion`."""
    return write_fashion(tmp_path_factory.mktemp("data"))


@pytest.fixture
def fashion_root(fashion_files, monkeypatch):
    """The synthetic data set as the data root of this machine."""
    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(fashion_files))
    return fashion_files


TINY_GREY = ResNetConfig(10, (0.3,), (0.3,), (4, 8), (1, 1))


@pytest.fixture
def zoo_folder(tmp_path):
    """A folder with two tiny Fashion-MNIST classifiers, `standard` and `pgd-linf`, with fresh weights."""
    folder = tmp_path / "models"
    for seed, key in enumerate(("standard", "pgd-linf")):
        card = zoo.Card("fashion-mnist", key, TINY_GREY, "recipe", {}, seed, "command", {}, sha256="", parameters=0)
        zoo.save(PreActResNet(TINY_GREY, torch.Generator().manual_seed(seed)), card, folder)
    return folder
