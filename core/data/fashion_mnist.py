"""The files of Fashion-MNIST."""

from pathlib import Path

from core.data.official import official
from core.torchvision_compat import torchvision


def by_hand(root: Path) -> str:
    """Which files to place where."""
    folder = root / "FashionMNIST" / "raw"
    return f"Put the four idx files (such as {folder / 't10k-images-idx3-ubyte'}) there, unpacked."


READER = official(torchvision.datasets.FashionMNIST, by_hand)
