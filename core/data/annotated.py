"""Any folder of pictures with masks or boxes, as annotated training images."""

import csv
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from core.data.datasets import LabelledImages, labelled_files
from core.data.tasks import Task
from core.data.walk import read_picture
from core.errors import InputError
from core.images import MAX_BYTES, Picture, decode, fit
from core.text import shorten

BOXES = "boxes.csv"


def load_annotated_folder(task: Task, folder: Path, fitting: Literal["crop", "letterbox"] = "crop") -> LabelledImages:
    """Pictures from `folder / images` with their masks or boxes, fitted to the task, in the order of `load_folder`.

    `images` has one subfolder a class, named as the task names it. Annotations are either masks, in `folder / masks`
    under the picture's own class and name with any image suffix, of the picture's size and bright (128 of 255 or more)
    on the object; or boxes, in `folder / boxes.csv` with the columns `file` (class/name), `left`, `top`, `right`,
    `bottom` in pixels of the picture, borders inside, one or more rows a picture. A map goes through the same cut and
    resizing as its picture; a border that a letterbox adds is background.

    Raises:
        InputError: as for `load_folder`; neither masks nor boxes, or both; a picture without one, or one that does not
            fit it.
    """
    masks, boxes = folder / "masks", folder / BOXES
    if masks.is_dir() == boxes.is_file():
        raise InputError(f"{folder} must hold either masks in 'masks' or boxes in '{BOXES}'")
    drawn = _read_boxes(boxes) if boxes.is_file() else {}
    pixels, labels, maps = [], [], []
    for path, label in labelled_files(task, folder / "images"):
        name = path.relative_to(folder / "images").as_posix()
        try:
            picture = decode(read_picture(path, MAX_BYTES))
            mask = _draw(drawn.get(name, []), picture) if drawn else _read_mask(masks / name, picture)
            x = fit(picture.pixels, task.shape, fitting, task.background)
            object_share = fit(mask, (1, *task.shape[1:]), fitting, 0.0)[0]
        except InputError as error:
            raise InputError(f"{shorten(name)}: {error}") from error
        pixels.append((x[0] * 255.0).round().to(torch.uint8))
        labels.append(label)
        maps.append(torch.where(object_share >= 0.5, 1, -1).to(torch.int8))
    return LabelledImages(torch.stack(pixels), torch.tensor(labels), f"folder {folder.name}", torch.stack(maps))


def _read_mask(path: Path, picture: Picture) -> np.ndarray:
    """The mask beside a picture, as (height, width, 3) uint8 of 0 and 255."""
    found = [each for each in sorted(path.parent.glob(f"{_escaped(path.stem)}*")) if each.stem == path.stem]
    if len(found) != 1:
        raise InputError(f"needs one mask of its name in {path.parent}; there are {len(found)}")
    mask = decode(read_picture(found[0], MAX_BYTES), background="black")
    if (mask.width, mask.height) != (picture.width, picture.height):
        raise InputError(f"its mask is {mask.width}x{mask.height} pixels, the picture {picture.width}x{picture.height}")
    return np.where(mask.pixels.mean(2, keepdims=True) >= 128, 255, 0).astype(np.uint8).repeat(3, 2)


def _escaped(stem: str) -> str:
    """A file's stem for a glob."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in stem)


def _draw(boxes: list[tuple[int, int, int, int]], picture: Picture) -> np.ndarray:
    """The boxes of a picture as (height, width, 3) uint8 of 0 and 255."""
    if not boxes:
        raise InputError(f"has no row in {BOXES}")
    mask = np.zeros((picture.height, picture.width, 3), np.uint8)
    for left, top, right, bottom in boxes:
        if not (0 <= left <= right < picture.width and 0 <= top <= bottom < picture.height):
            raise InputError(
                f"box {left}, {top}, {right}, {bottom} leaves the picture of {picture.width}x{picture.height} pixels"
            )
        mask[top : bottom + 1, left : right + 1] = 255
    return mask


def _read_boxes(path: Path) -> dict[str, list[tuple[int, int, int, int]]]:
    """The boxes of each picture, by class/name."""
    found: dict[str, list[tuple[int, int, int, int]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                box = (int(row["left"]), int(row["top"]), int(row["right"]), int(row["bottom"]))
                found.setdefault(row["file"], []).append(box)
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} needs the columns file, left, top, right, bottom in whole numbers ({error})"
        ) from error
    if not found:
        raise InputError(f"{path} holds no boxes")
    return found
