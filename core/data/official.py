"""Data sets that torchvision reads, with its own checks, as readers of tasks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from core.data.datasets import LabelledImages, Reader, Split, split_indices
from core.data.tasks import Task

Official = Callable[..., Any]
"""One of torchvision's classes: from a root, `train` and `download` to the data set."""


def of_torchvision(name: str, folder: str) -> Official:
    """The class of this name, which keeps its files in `folder` under a root.

    torchvision takes seconds to import, so it waits until there are files, or some are to be fetched.
    """

    def kind(root: str, train: bool, download: bool = False) -> Any:
        if not download and not Path(root, folder).is_dir():
            raise FileNotFoundError(f"there is no folder {folder}")
        from core.torchvision_compat import torchvision  # noqa: PLC0415

        return getattr(torchvision.datasets, name)(root, train=train, download=download)

    return kind


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
