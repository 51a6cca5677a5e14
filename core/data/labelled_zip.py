"""Labelled pictures in a ZIP from anywhere: one folder a class, fitted to a task, bounded in number."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

import torch

from core.data.datasets import LabelledImages
from core.data.incoming import Incoming, from_file
from core.data.tasks import Task
from core.data.walk import PICTURE_SUFFIXES, spelled
from core.errors import InputError
from core.images import decode, fit
from core.text import shorten

MOST = 500


@dataclass(frozen=True, slots=True)
class LabelledZip:
    """What a ZIP of labelled pictures holds.

    Attributes:
        pictures: the first `MOST` of those that can be read, in the ZIP's order.
        notes: what was passed over, in sentences.
    """

    pictures: LabelledImages
    notes: tuple[str, ...]


def read_labelled_zip(task: Task, file: BinaryIO, name: str, size: int) -> LabelledZip:
    """The pictures in a ZIP whose folders are called as the task's classes, or numbered as they are.

    Raises:
        InputError: it is no ZIP, or holds no picture in a folder of a class.
    """
    labels = {spelled(one): label for label, one in enumerate(task.class_names)}
    numbered = {str(label): label for label in range(task.classes)}
    pixels, known, refused, elsewhere = [], [], 0, set()
    for one in _pictures(file, name, size):
        folder = PurePosixPath(one.path).parent.name
        label = labels.get(spelled(folder), numbered.get(folder))
        if label is None:
            elsewhere.add(folder)
            continue
        try:
            x = fit(decode(one.data).pixels, task.shape, "crop", task.background)
        except InputError:
            refused += 1
            continue
        pixels.append((x[0] * 255.0).round().to(torch.uint8))
        known.append(label)
        if len(known) == MOST:
            break
    if not known:
        raise InputError(
            f"the ZIP holds no picture in a folder that is called as a class: {', '.join(task.class_names[:5])}"
            f"{' and so on' if task.classes > 5 else ''}"
        )
    notes = [f"{refused:,} files could not be read as pictures."] if refused else []
    if elsewhere:
        named = ", ".join(shorten(one, 30) for one in sorted(elsewhere)[:4])
        notes.append(f"Folders that are no class were passed over: {named}.")
    return LabelledZip(
        LabelledImages(torch.stack(pixels), torch.tensor(known), f"ZIP {shorten(name, 40)}"), tuple(notes)
    )


def _pictures(file: BinaryIO, name: str, size: int) -> Iterator[Incoming]:
    """The files of a ZIP that say that they are pictures.

    Raises:
        InputError: the whole is refused.
    """
    for one in from_file(file, name, size):
        if one.path == name:
            raise InputError(one.error or "labelled pictures come as a ZIP with one folder a class")
        if not one.error and PurePosixPath(one.path).suffix.lower() in PICTURE_SUFFIXES:
            yield one
