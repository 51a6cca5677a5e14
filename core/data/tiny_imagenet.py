"""Tiny ImageNet's photographs with the labels of ImageNet: what a network of a thousand classes can learn from here."""

import zlib
from pathlib import Path
from typing import Literal

import torch

from core.data import tiny20
from core.data.datasets import LabelledImages, data_root
from core.data.outliers import evenly
from core.data.tasks.imagenet import synsets
from core.errors import DataMissingError, InputError
from core.images import decode, fit

Part = Literal["train", "val", "test"]
TEST, VAL = 1000, 500
"""Photographs of its validation set that nothing learns from, and those that choices are made on."""
OF_TWENTY = 100
"""Training photographs of each class of `tiny20`: with all 500, a network comes to see these classes everywhere."""


def load_tiny_imagenet(part: Part, root: Path | None = None) -> LabelledImages:
    """A part of the photographs, uint8 (N, 3, 64, 64), grey ones in three equal channels; labels are ImageNet's.

    `test` and `val` are 1,000 and 500 of its validation set's 10,000, as evenly over its 200 classes as can be;
    `train` is the rest of it, in the order drawn, and then the first hundred training photographs of each of the twenty
    classes that the task `tiny20` has.

    Raises:
        DataMissingError: they are not under `root` (default: `data_root()`).
    """
    root = root or data_root()
    try:
        pairs = _validation(root)
        labels = torch.tensor([label for _, label in pairs])
        order = [pairs[index] for index in evenly(labels.numpy(), zlib.crc32(b"photographs")).tolist()]
        chosen = {"test": order[:TEST], "val": order[TEST : TEST + VAL], "train": order[TEST + VAL :]}[part]
        if part == "train":
            numbers, more = _labels(), tiny20.entries(root, train=True)
            of_class = [
                [each.path for each in more if each.label == label][:OF_TWENTY] for label in range(len(tiny20.WNIDS))
            ]
            chosen += [(path, numbers[tiny20.WNIDS[label]]) for label, paths in enumerate(of_class) for path in paths]
        shape = (3, tiny20.SIDE, tiny20.SIDE)
        pixels = [(fit(decode(path.read_bytes()).pixels, shape)[0] * 255).round().to(torch.uint8) for path, _ in chosen]
    except (OSError, KeyError, ValueError, InputError) as error:
        needed = root / tiny20.FOLDER / "val" / "val_annotations.txt"
        raise DataMissingError(
            f"Tiny ImageNet is not on this machine: 'robustscope data fetch tiny20' brings it, or unpack "
            f"tiny-imagenet-200.zip so that {needed} exists"
        ) from error
    return LabelledImages(torch.stack(pixels), torch.tensor([label for _, label in chosen]), f"Tiny ImageNet {part}")


def _labels() -> dict[str, int]:
    """ImageNet's labels by their WordNet numbers."""
    return {number: label for label, (number, _) in enumerate(synsets())}


def _validation(root: Path) -> list[tuple[Path, int]]:
    """The files of the validation set and their labels, in its list's order."""
    folder, numbers = root / tiny20.FOLDER / "val", _labels()
    lines = (folder / "val_annotations.txt").read_text(encoding="utf-8").splitlines()
    return [(folder / "images" / name, numbers[wnid]) for name, wnid, *_ in (line.split("\t") for line in lines)]
