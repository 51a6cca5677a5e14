"""ImageNet's validation photographs, where somebody has put them: their owners pass them on themselves."""

from itertools import chain, zip_longest
from pathlib import Path

import torch

from core.data.datasets import LabelledImages, Reader, Split
from core.data.tasks import Task
from core.data.tasks.imagenet import synsets
from core.data.walk import is_picture
from core.errors import InputError
from core.images import decode, fit

FOLDER = "imagenet"
MOST = 2_000
"""Photographs read at once: 300 MB of bytes."""


def _present(root: Path) -> bool:
    return all((root / FOLDER / "val" / number).is_dir() for number, _ in synsets()[:: len(synsets()) - 1])


def _by_hand(root: Path) -> str:
    return (
        f"Ask for it at image-net.org and unpack the validation set so that {root / FOLDER / 'val' / synsets()[0][0]} "
        "and its siblings hold the photographs."
    )


def _fetch(root: Path) -> None:
    if not _present(root):
        raise RuntimeError("its owners pass it on themselves")


def _read(task: Task, root: Path, split: Split, most: int | None) -> LabelledImages:
    """The first `most` validation photographs, at most `MOST`, one of each class in turn; there is no other split.

    Each is cut to a square and scaled to the task's shape.
    """
    if split != "test" or not _present(root):
        raise RuntimeError(f"{FOLDER} {split} is not here")
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


READER = Reader(_by_hand, _present, _fetch, _read)
