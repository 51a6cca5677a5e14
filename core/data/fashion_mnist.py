"""The files of Fashion-MNIST."""

from pathlib import Path

from core.data.official import of_torchvision, official


def by_hand(root: Path) -> str:
    """Which files to place where."""
    folder = root / "FashionMNIST" / "raw"
    return f"Put the four idx files (such as {folder / 't10k-images-idx3-ubyte'}) there, unpacked."


PICTURES = of_torchvision("FashionMNIST", "FashionMNIST/raw")
READER = official(PICTURES, by_hand)
