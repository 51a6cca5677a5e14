"""The files of CIFAR-10."""

from pathlib import Path

from core.data.official import of_torchvision, official


def by_hand(root: Path) -> str:
    """Which files to place where."""
    return f"Unpack cifar-10-python.tar.gz so that {root / 'cifar-10-batches-py' / 'data_batch_1'} exists."


READER = official(of_torchvision("CIFAR10", "cifar-10-batches-py"), by_hand)
