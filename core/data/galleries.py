"""Pictures to pick from: photographs inside scikit-image, our generators' own, and test images where they are."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray

from core.data.datasets import LabelledImages, available, data_root, load
from core.data.tasks import FASHION_MNIST, Task
from core.errors import InputError
from core.images import Picture, decode

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "gallery"
MADE = "made.json"  # beside the generated pictures: the command that made them
MASK = "mask-{}.png"  # beside a generated picture, by its number: white where its object is
TEST_IMAGES_OFFERED = 200

# Photographs inside the scikit-image wheel, free of a download; its README gives authors and licences.
_PHOTOGRAPHS = {
    "astronaut": ("Astronaut", "astronaut.png"),
    "chelsea": ("Cat", "chelsea.png"),
    "coffee": ("Coffee cup", "coffee.png"),
    "rocket": ("Rocket", "rocket.jpg"),
}


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """One picture of a gallery.

    Attributes:
        key: stable name, fit for a URL: "photo:chelsea", "test:17", "generated:03".
        title: name for people.
        label: true class index where one is known.
        source: where the picture comes from, one phrase.
    """

    key: str
    title: str
    label: int | None
    source: str


def gallery(task: Task, root: Path | None = None) -> tuple[GalleryItem, ...]:
    """What can be picked for `task`: photographs, generated pictures, then the first test images where they are.

    Photographs come last in a task of garments, none of which they show.
    """
    own = (*_generated_items(task), *_test_items(task, root or data_root()))
    return (*own, *photographs()) if task.class_names == FASHION_MNIST.class_names else (*photographs(), *own)


def picture(task: Task, key: str, root: Path | None = None) -> tuple[GalleryItem, Picture]:
    """The item with this key and its pixels.

    Raises:
        InputError: the gallery has no such key (it may come from a link made on a machine that has the data set).
    """
    for item in gallery(task, root or data_root()):
        if item.key == key:
            kind, _, name = key.partition(":")
            match kind:
                case "photo":
                    return item, _photograph(name)
                case "generated":
                    return item, decode(_generated(task)[name].read_bytes())
                case _:
                    return item, _test_picture(task, int(name), root or data_root())
    raise InputError(f"there is no picture {key[:60]!r} in the gallery of {task.title} on this machine")


def annotation(task: Task, key: str, root: Path | None = None) -> NDArray[np.float32] | None:
    """Where the object of a gallery picture is: +1 on it, -1 elsewhere, (1, H, W) in the task's shape.

    None for a picture without a box or mask. Those that have one are of a task that has them: its test images, and
    generated pictures with a mask beside them.
    """
    root = root or data_root()
    kind, _, name = key.partition(":")
    mask = ASSETS / task.key / MASK.format(name)
    if kind == "generated" and name in _generated(task) and mask.exists():
        return 2 * (decode(mask.read_bytes()).pixels[None, :, :, 0] > 127).astype(np.float32) - 1
    if key not in {item.key for item in _test_items(task, root)}:
        return None
    maps = _test_images(task, root).maps
    return None if maps is None else maps[int(name)].float().numpy()


def photographs() -> Iterator[GalleryItem]:
    """The photographs, which are offered for every task."""
    for name, (title, _) in _PHOTOGRAPHS.items():
        yield GalleryItem(f"photo:{name}", title, None, "photograph from the scikit-image package")


def _photograph(name: str) -> Picture:
    return decode((Path(skimage.data.__file__).parent / _PHOTOGRAPHS[name][1]).read_bytes())


def _generated(task: Task) -> dict[str, Path]:
    """The pictures that a generator of `task` made, by number; their names go on with the class."""
    return {path.stem.partition("-")[0]: path for path in sorted((ASSETS / task.key).glob("[0-9]*-*.png"))}


def _generated_items(task: Task) -> Iterator[GalleryItem]:
    labels = {name.replace("/", "-"): label for label, name in enumerate(task.class_names)}
    of_class: Counter[int] = Counter()
    for number, path in _generated(task).items():
        label = labels[path.stem.partition("-")[2]]
        of_class[label] += 1
        title = f"{task.class_names[label]} {of_class[label]}"
        yield GalleryItem(f"generated:{number}", title, label, f"made by this project's generators for {task.title}")


def _test_items(task: Task, root: Path) -> Iterator[GalleryItem]:
    if not available(task, root):
        return
    labels = _test_images(task, root).labels[:TEST_IMAGES_OFFERED].tolist()
    for index, label in enumerate(labels):
        yield GalleryItem(f"test:{index}", f"{task.class_names[label]} (test {index})", label, f"{task.title} test set")


@lru_cache(maxsize=4)
def _test_images(task: Task, root: Path) -> LabelledImages:
    return load(task, "test", root).first(TEST_IMAGES_OFFERED)


def _test_picture(task: Task, index: int, root: Path) -> Picture:
    pixels = _test_images(task, root).pixels[index].permute(1, 2, 0).expand(-1, -1, 3).to(torch.uint8).numpy()
    height, width, _ = pixels.shape
    return Picture(np.ascontiguousarray(pixels), "test image", width, height, ())
