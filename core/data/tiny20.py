"""Twenty classes of Tiny ImageNet, each picture with one bounding box."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.data.datasets import LabelledImages, Reader, Split, split_indices
from core.data.tasks import Task
from core.errors import InputError
from core.images import decode, fit

FOLDER = "tiny-imagenet-200"
URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
SIDE = 64  # of the pictures, and so of the boxes' coordinates

# In label order.
WNIDS = (
    "n01443537",
    "n01641577",
    "n01698640",
    "n01855672",
    "n02056570",
    "n02002724",
    "n02132136",
    "n02279972",
    "n02165456",
    "n02410509",
    "n02437312",
    "n02504458",
    "n01910747",
    "n04146614",
    "n04465501",
    "n04507155",
    "n02793495",
    "n02814860",
    "n07749582",
    "n07753592",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture's file, its label, and its box: left, top, right, bottom, in pixels of 64, borders inside."""

    path: Path
    label: int
    box: tuple[int, int, int, int]


def present(root: Path) -> bool:
    """Whether training and test pictures are under `root`."""
    folder = root / FOLDER
    return (folder / "val" / "val_annotations.txt").is_file() and (folder / "train" / WNIDS[-1]).is_dir()


def download(root: Path) -> None:
    """Download all of Tiny ImageNet (248 MB) to `root`, checked by MD5, and unpack it.

    Raises:
        OSError, RuntimeError: it failed.
    """
    from core.torchvision_compat import torchvision  # noqa: PLC0415 - takes seconds

    torchvision.datasets.utils.download_and_extract_archive(URL, str(root), md5=MD5)


def entries(root: Path, train: bool) -> list[Entry]:
    """The training pictures class by class, or the validation pictures of the classes, in their lists' order.

    Raises:
        OSError: a list is missing.
        InputError: a line of a list can't be read.
    """
    if train:
        found = []
        for label, wnid in enumerate(WNIDS):
            folder = root / FOLDER / "train" / wnid
            lines = _lines(folder / f"{wnid}_boxes.txt")
            found += [Entry(folder / "images" / name, label, _box(box, folder)) for name, *box in lines]
        return found
    folder = root / FOLDER / "val"
    lines = _lines(folder / "val_annotations.txt")
    labels = {wnid: label for label, wnid in enumerate(WNIDS)}
    return [
        Entry(folder / "images" / name, labels[wnid], _box(box, folder)) for name, wnid, *box in lines if wnid in labels
    ]


def read(chosen: Sequence[Entry], shape: tuple[int, int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels uint8 (N, C, H, W), labels int64 (N,) and box maps int8 (N, 1, H, W) of the entries at a task's shape.

    Grey photos become colour ones with three equal channels.

    Raises:
        InputError: a file is missing, is no image, or is not 64 pixels wide and high.
    """
    pixels = torch.empty(len(chosen), *shape, dtype=torch.uint8)
    maps = torch.empty(len(chosen), 1, *shape[1:], dtype=torch.int8)
    for index, entry in enumerate(chosen):
        try:
            picture = decode(entry.path.read_bytes())
        except (OSError, InputError) as error:
            raise InputError(f"{entry.path}: {error}") from error
        if (picture.width, picture.height) != (SIDE, SIDE):
            raise InputError(f"{entry.path} must be {SIDE}x{SIDE} pixels; it is {picture.width}x{picture.height}")
        pixels[index] = (fit(picture.pixels, shape)[0] * 255.0).round().to(torch.uint8)
        maps[index] = box_map(entry.box, shape[1:], (SIDE, SIDE))
    return pixels, torch.tensor([entry.label for entry in chosen], dtype=torch.int64), maps


def box_map(box: tuple[int, int, int, int], size: tuple[int, int], drawn_on: tuple[int, int]) -> Tensor:
    """The map of a box, int8 (1, H, W): +1 inside and on its borders, -1 elsewhere.

    Corners are scaled by integer division, as in the code of Mangla et al. 2020 (arXiv:2006.07828), which halves them.

    Args:
        box: left, top, right, bottom in pixels of the picture it was drawn on, borders inside.
        size: (H, W) of the map.
        drawn_on: (H, W) of that picture.
    """
    left, top, right, bottom = box
    (height, width), (rows, columns) = size, drawn_on
    drawn = torch.full((1, height, width), -1, dtype=torch.int8)
    drawn[
        :, top * height // rows : bottom * height // rows + 1, left * width // columns : right * width // columns + 1
    ] = 1
    return drawn


def _lines(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line]


def _box(fields: list[str], folder: Path) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = map(int, fields)
    except ValueError as error:
        raise InputError(f"{folder}: a box must be four whole numbers; got {fields[:6]}") from error
    if not (0 <= left <= right < SIDE and 0 <= top <= bottom < SIDE):
        raise InputError(f"{folder}: a box must lie in a picture of {SIDE} pixels; got {fields}")
    return left, top, right, bottom


def _by_hand(root: Path) -> str:
    return f"Unpack tiny-imagenet-200.zip so that {root / FOLDER / 'val' / 'val_annotations.txt'} exists."


def _fetch(root: Path) -> None:
    if not present(root):
        download(root)


def _read(task: Task, root: Path, split: Split, most: int | None) -> LabelledImages:
    """A split of the pictures with boxes; `test` is the official validation pictures of the twenty classes.

    Each picture is a file of its own, so those beyond `most` are not read.
    """
    found = entries(root, train=split != "test")
    if split != "test":
        chosen = split_indices(len(found), task.val_size, task.calibration_size)[split]
        found = [found[index] for index in chosen.tolist()]
    pixels, labels, maps = read(found[:most], task.shape)
    return LabelledImages(pixels, labels, f"{task.key} {split}", maps)


READER = Reader(_by_hand, present, _fetch, _read)
