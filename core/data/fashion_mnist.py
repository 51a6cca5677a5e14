"""The files of Fashion-MNIST."""

from pathlib import Path

from core.data.idx import idx
from core.data.official import official


def by_hand(root: Path) -> str:
    """Which files to place where."""
    folder = root / "FashionMNIST" / "raw"
    return f"Put the four idx files (such as {folder / 't10k-images-idx3-ubyte'}) there, unpacked."


PICTURES = idx("FashionMNIST")
READER = official(PICTURES, by_hand)
