"""ImageNet's validation photographs, where somebody has put them, or else small ones of Tiny ImageNet.

ImageNet's owners pass its photographs on themselves. Those of Tiny ImageNet, 64 pixels wide and of 200 of its classes,
are a stand-in that anybody can fetch: enlarged to the task's size they are blurred, and networks know fewer of them.
"""

from itertools import chain, zip_longest
from pathlib import Path

import torch

from core.data import tiny20
from core.data.datasets import LabelledImages, Reader, Split
from core.data.tasks import Task
from core.data.tasks.imagenet import synsets
from core.data.tiny_imagenet import load_tiny_imagenet
from core.data.walk import is_picture
from core.errors import InputError
from core.images import decode, fit

FOLDER = "imagenet"
MOST = 2_000
"""Photographs read at once: 300 MB of bytes."""


def _own(root: Path) -> bool:
    """Whether ImageNet's own are there."""
    return all((root / FOLDER / "val" / number).is_dir() for number, _ in synsets()[:: len(synsets()) - 1])


def _present(root: Path) -> bool:
    return _own(root) or tiny20.present(root)


def _by_hand(root: Path) -> str:
    return (
        f"Ask for it at image-net.org and unpack the validation set so that {root / FOLDER / 'val' / synsets()[0][0]} "
        "and its siblings hold the photographs; or unpack tiny-imagenet-200.zip so that "
        f"{root / tiny20.FOLDER / 'val' / 'val_annotations.txt'} exists."
    )


def _fetch(root: Path) -> None:
    if not _present(root):
        tiny20.download(root)


def _read(task: Task, root: Path, split: Split, most: int | None) -> LabelledImages:
    """The first `most` validation photographs, at most `MOST`, one of each class in turn; there is no other split.

    Each is cut to a square and scaled to the task's shape. Where ImageNet's own are not there, they are the thousand of
    Tiny ImageNet that nothing learned from, and their `origin` says so.
    """
    if split != "test" or not _present(root):
        raise RuntimeError(f"{FOLDER} {split} is not here")
    if not _own(root):
        return _small(task, load_tiny_imagenet("test", root), most)
    folders = [sorted(filter(is_picture, (root / FOLDER / "val" / number).iterdir())) for number, _ in synsets()]
    turns = zip_longest(*([(path, label) for path in folder] for label, folder in enumerate(folders)))
    chosen = [found for found in chain.from_iterable(turns) if found][: min(most or MOST, MOST)]
    pixels = torch.empty(len(chosen), *task.shape, dtype=torch.uint8)
    for index, (path, _) in enumerate(chosen):
        try:
            pixels[index] = (fit(decode(path.read_bytes()).pixels, task.shape)[0] * 255.0).round().to(torch.uint8)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    return LabelledImages(pixels, torch.tensor([label for _, label in chosen]), f"{task.key} {split}")


def _small(task: Task, photographs: LabelledImages, most: int | None) -> LabelledImages:
    """Small photographs at the task's shape."""
    few = photographs if most is None else photographs.first(most)
    pixels = torch.empty(len(few), *task.shape, dtype=torch.uint8)
    for index, picture in enumerate(few.pixels):
        pixels[index] = (fit(picture.permute(1, 2, 0).numpy(), task.shape)[0] * 255.0).round().to(torch.uint8)
    return LabelledImages(pixels, few.labels, few.origin)


READER = Reader(_by_hand, _present, _fetch, _read)
