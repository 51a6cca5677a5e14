"""Data sets that torchvision reads, with its own checks, as readers of tasks."""

from collections.abc import Callable
from pathlib import Path

import torch

from core.data.datasets import LabelledImages, Reader, Split, split_indices
from core.data.tasks import Task
from core.torchvision_compat import torchvision

Official = Callable[..., torchvision.datasets.VisionDataset]
"""One of torchvision's classes: from a root, `train` and `download` to the data set."""


def official(kind: Official, by_hand: Callable[[Path], str]) -> Reader:
    """The reader of one of torchvision's data sets whose images are arrays.

    Args:
        kind: its class.
        by_hand: as `Reader` has it.
    """

    def fetch(root: Path) -> None:
        for train in (True, False):
            kind(str(root), train=train, download=True)

    def present(root: Path) -> bool:
        try:
            kind(str(root), train=False)
        except (RuntimeError, OSError):
            return False
        return True

    def read(task: Task, root: Path, split: Split, most: int | None) -> LabelledImages:
        data = kind(str(root), train=split != "test")
        pixels = torch.as_tensor(data.data)
        pixels = pixels.unsqueeze(1) if task.grey else pixels.permute(0, 3, 1, 2).contiguous()
        labels = torch.as_tensor(data.targets, dtype=torch.int64)
        if split != "test":
            chosen = split_indices(len(labels), task.val_size, task.calibration_size)[split]
            pixels, labels = pixels[chosen], labels[chosen]
        return LabelledImages(pixels, labels, f"{task.key} {split}")

    return Reader(by_hand, present, fetch, read)
