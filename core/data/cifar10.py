"""The files of CIFAR-10."""

from pathlib import Path

from core.data.official import official
from core.torchvision_compat import torchvision


def by_hand(root: Path) -> str:
    """Which files to place where."""
    return f"Unpack cifar-10-python.tar.gz so that {root / 'cifar-10-batches-py' / 'data_batch_1'} exists."


READER = official(torchvision.datasets.CIFAR10, by_hand)
