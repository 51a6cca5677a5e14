"""Networks whose recipes were chosen by figures on test images: their own figures are of others, that chose nothing.

Attacks are measured on the first test images. For the networks below recipes were tried until a figure on these met a
floor, so that the figure says too much. They are measured again, once, on the test images from number `FRESH` on.
Clean accuracy is on all test images for every network, those that chose included.
"""

from typing import Any

import torch

from core.data.datasets import LabelledImages
from core.training.zoo_plans import CHOSEN_ON_TEST, FRESH

FRESH_MODELS = "fresh_models"
"""The setting that names them."""


def first_image(data: LabelledImages, task: str, key: str, count: int) -> int:
    """The test image that `count` images of a network's figures begin with; 0 where there are not that many others."""
    return FRESH if (task, key) in CHOSEN_ON_TEST and len(data) >= FRESH + count else 0


def with_fresh(data: LabelledImages, task: str, key: str, count: int) -> tuple[LabelledImages, int]:
    """The first `count` images, which networks are compared on, and after them as many that chose nothing if need be.

    Returns:
        The images, and at which of them those begin that a network's own figures are of.
    """
    first = first_image(data, task, key, count)
    if first == 0:
        return data.first(count), 0
    one, other = data.first(count), data.part(first, first + count)
    maps = None if one.maps is None or other.maps is None else torch.cat([one.maps, other.maps])
    pixels, labels = torch.cat([one.pixels, other.pixels]), torch.cat([one.labels, other.labels])
    return LabelledImages(pixels, labels, data.origin, maps), count


def stated(task: str) -> dict[str, Any]:
    """What a report's settings say of it; nothing for a task without such networks."""
    keys = sorted(key for chosen, key in CHOSEN_ON_TEST if chosen == task)
    return {"fresh_from": FRESH, FRESH_MODELS: keys} if keys else {}


def images_in_words(first: int, count: int) -> str:
    """Which test images figures are of."""
    return f"test images {first:,} to {first + count - 1:,}" if first else f"the first {count:,} test images"
