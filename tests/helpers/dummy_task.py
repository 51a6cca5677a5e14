"""A task that joins for a test: what a file in `core/data/tasks` would say, and its reader."""

from pathlib import Path

import torch

from core.data.datasets import LabelledImages, Reader, Split
from core.data.tasks import Task

STRIPES = Task(
    key="stripes",
    title="Stripes",
    class_names=("lying", "standing"),
    shape=(1, 16, 16),
    mean=(0.5,),
    std=(0.5,),
    source="Made for a test.",
    reader=__name__,
)
_IMAGES = {"train": 600, "val": 20, "calibration": 40, "test": 6}


def _read(task: Task, root: Path, split: Split, most: int | None) -> LabelledImages:
    labels = torch.arange(_IMAGES[split]) % 2
    rows = (torch.arange(16) % 2 * 200).to(torch.uint8).expand(16, 16)
    pixels = torch.where(labels.view(-1, 1, 1).bool(), rows, rows.T)[:, None]
    return LabelledImages(pixels, labels, f"{task.key} {split}")


READER = Reader(lambda root: f"Put it into {root}.", lambda root: True, lambda root: None, _read)
