"""Rows of pictures by several networks: each picture read once, in its order, and with its reason where it has none."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from core.anomaly.batch_file import Fitting, Scoring, fit_files, path_text
from core.anomaly.batch_parts import Row
from core.data.incoming import Incoming
from core.errors import InputError
from core.models.zoo import ZooModel

HEAD = ("path", "sha256", "model")
"""The columns that every row begins with."""

Found = dict[int, list[Row]]
"""By the place of a picture its rows, without their heads."""


def as_images(
    model: ZooModel, fitting: Fitting, pictures: Sequence[Incoming]
) -> tuple[dict[int, Tensor], dict[int, str]]:
    """By place the pictures that can be read, as images (1, C, H, W) of the network's task; and why others can't."""
    return fit_files(model.task, Scoring(("any",), fitting), pictures, lambda done: None)


def answers_of(model: ZooModel, x: Tensor) -> Tensor:
    """Softmax probabilities (B, K) of images (B, C, H, W).

    Raises:
        InputError: they are not finite.
    """
    with torch.no_grad():
        probs: Tensor = model.fast(x).softmax(1)
    if not bool(probs.isfinite().all()):
        raise InputError("the network's answers to this picture are not finite numbers")
    return probs


def together_or_alone(images: Mapping[int, Tensor], run: Callable[[Tensor], list[list[Row]]]) -> Found:
    """The rows of each image: all images in one call, or one by one where that fails for one of them."""
    if not images:
        return {}
    try:
        return dict(zip(images, run(torch.cat(list(images.values()))), strict=True))
    except InputError as error:
        if len(images) == 1:
            return {index: [{"error": str(error)}] for index in images}
        return {at: rows for index, x in images.items() for at, rows in together_or_alone({index: x}, run).items()}


def joined(parts: Sequence[Found]) -> Found:
    """Each picture's rows of all parts, one part after the other."""
    return {index: [row for part in parts for row in part[index]] for index in (parts[0] if parts else ())}


def with_heads(pictures: Sequence[Incoming], errors: Mapping[int, str], found: Mapping[str, Found]) -> list[Row]:
    """The rows of each picture, by network; of one that could not be read a row for each network, with the reason."""
    rows: list[Row] = []
    for index, picture in enumerate(pictures):
        sha256 = hashlib.sha256(picture.data).hexdigest() if picture.data else None
        for key, by_picture in found.items():
            head = dict(zip(HEAD, (path_text(picture.path), sha256, key), strict=True))
            own = [{"error": errors[index]}] if index in errors else by_picture[index]
            rows += [{**head, **row} for row in own]
    return rows
