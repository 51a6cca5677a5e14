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
        InputError: a photograph, or the list of them, can't be read.
    """
    root = root or data_root()
    try:
        pairs = _validation(root)
        more = tiny20.entries(root, train=True) if part == "train" else []
    except OSError as error:
        needed = root / tiny20.FOLDER / "val" / "val_annotations.txt"
        raise DataMissingError(
            f"Tiny ImageNet is not on this machine: 'robustscope data fetch tiny20' brings it, or unpack "
            f"tiny-imagenet-200.zip so that {needed} exists"
        ) from error
    labels = torch.tensor([label for _, label in pairs])
    order = [pairs[index] for index in evenly(labels.numpy(), zlib.crc32(b"photographs")).tolist()]
    chosen = {"test": order[:TEST], "val": order[TEST : TEST + VAL], "train": order[TEST + VAL :]}[part]
    if part == "train":
        numbers = _labels()
        of_class = [
            [each.path for each in more if each.label == label][:OF_TWENTY] for label in range(len(tiny20.WNIDS))
        ]
        chosen += [(path, numbers[tiny20.WNIDS[label]]) for label, paths in enumerate(of_class) for path in paths]
    pixels = torch.stack([_read(path) for path, _ in chosen])
    return LabelledImages(pixels, torch.tensor([label for _, label in chosen]), f"Tiny ImageNet {part}")


def _read(path: Path) -> torch.Tensor:
    """One photograph, uint8 (3, 64, 64)."""
    try:
        return (fit(decode(path.read_bytes()).pixels, (3, tiny20.SIDE, tiny20.SIDE))[0] * 255).round().to(torch.uint8)
    except (OSError, InputError) as error:
        raise InputError(f"{path} can't be read: {error}") from error


def enlarged(photographs: LabelledImages, shape: tuple[int, int, int]) -> LabelledImages:
    """The same at another shape (C, H, W), one by one; what is far larger needs its memory."""
    pixels = torch.empty(len(photographs), *shape, dtype=torch.uint8)
    for index, picture in enumerate(photographs.pixels):
        pixels[index] = (fit(picture.permute(1, 2, 0).numpy(), shape)[0] * 255.0).round().to(torch.uint8)
    return LabelledImages(pixels, photographs.labels, photographs.origin)


def _labels() -> dict[str, int]:
    """ImageNet's labels by their WordNet numbers."""
    return {number: label for label, (number, _) in enumerate(synsets())}


def _validation(root: Path) -> list[tuple[Path, int]]:
    """The files of the validation set and their labels, in its list's order."""
    folder, numbers = root / tiny20.FOLDER / "val", _labels()
    listed = folder / "val_annotations.txt"
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()
        return [(folder / "images" / name, numbers[wnid]) for name, wnid, *_ in (line.split("\t") for line in lines)]
    except (KeyError, ValueError) as error:
        raise InputError(f"{listed} is not Tiny ImageNet's list: its lines begin with a file and a class") from error
