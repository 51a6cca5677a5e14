"""Pictures to pick from: photographs inside two packages, our generators' own, and test images where they are."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.checksums import read_checked
from core.data.datasets import LabelledImages, data_root, load
from core.data.tasks import FASHION_MNIST, Task
from core.errors import DataMissingError, InputError
from core.images import Picture, decode

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "gallery"
MADE = "made.json"  # beside the generated pictures: the command that made them
MASK = "mask-{}.png"  # beside a generated picture, by its number: white where its object is
TEST_IMAGES_OFFERED = 200
MOST_TESTS, MOST_TEST_BYTES = 10_000, 2**25  # of the test images that can be asked for by number
_FURTHER = re.compile(r"test:([1-9]\d{0,4})", re.ASCII)
MAX_PICTURE_BYTES = 10_000_000


def _of_package(name: str) -> Path:
    """Where a package lies; importing scikit-learn to ask it takes longer than all else that a first page imports."""
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


_SCIKIT_IMAGE, _SCIKIT_LEARN = _of_package("skimage") / "data", _of_package("sklearn") / "datasets" / "images"

# Photographs inside the wheels of two packages, free of a download: title, file, and whose they are.
_PHOTOGRAPHS = {
    "astronaut": ("Astronaut", _SCIKIT_IMAGE / "astronaut.png", "NASA, public domain; from the scikit-image package"),
    "chelsea": ("Cat", _SCIKIT_IMAGE / "chelsea.png", "Stefan van der Walt, CC0; from the scikit-image package"),
    "coffee": ("Coffee cup", _SCIKIT_IMAGE / "coffee.png", "Rachel Michetti, CC0; from the scikit-image package"),
    "rocket": ("Rocket", _SCIKIT_IMAGE / "rocket.jpg", "SpaceX, CC0; from the scikit-image package"),
    "camera": ("Photographer", _SCIKIT_IMAGE / "camera.png", "Lav Varshney, CC0; from the scikit-image package"),
    "china": ("Temple", _SCIKIT_LEARN / "china.jpg", "Daniel Büchele, CC BY 2.0; from the scikit-learn package"),
    "flower": ("Flower", _SCIKIT_LEARN / "flower.jpg", "vultilion, CC BY 2.0; from the scikit-learn package"),
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


class Offered(Mapping[str, GalleryItem]):
    """What a gallery lists, by key; it also knows, and does not list, what `further` finds."""

    def __init__(self, listed: Mapping[str, GalleryItem], further: Callable[[object], GalleryItem | None]) -> None:
        self._listed, self._further = listed, further

    def __getitem__(self, key: str) -> GalleryItem:
        found = self._listed.get(key) or self._further(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)


@dataclass(frozen=True, slots=True)
class Gallery:
    """What can be picked for a task on a machine, opened once: a picture of it costs no look at the whole data set.

    Attributes:
        task: the task.
        items: what is offered, by key, in order; further test images are known by their keys.
        tests: the test images offered; None where the data set is missing.
        root: where the data set is.
    """

    task: Task
    items: Mapping[str, GalleryItem]
    tests: LabelledImages | None
    root: Path

    def picture(self, key: str) -> Picture:
        """The pixels of the item with this key.

        Raises:
            InputError: there is no such key (it may come from a link made on a machine that has the data set).
        """
        if key not in self.items:
            raise InputError(f"there is no picture {key[:60]!r} in the gallery of {self.task.title} on this machine")
        kind, _, name = key.partition(":")
        match kind:
            case "photo":
                return photograph(name)
            case "generated":
                return decode(read_checked(_generated(self.task)[name], MAX_PICTURE_BYTES))
            case _:
                return self._test_picture(int(name))

    def annotation(self, key: str) -> NDArray[np.float32] | None:
        """Where the object of a picture is: +1 on it, -1 elsewhere, (1, H, W) in the task's shape.

        None for a picture without a box or mask. Those that have one are of a task that has them: its test images, and
        generated pictures with a mask beside them.
        """
        kind, _, name = key.partition(":")
        mask = ASSETS / self.task.key / MASK.format(name)
        if kind == "generated" and name in _generated(self.task) and mask.exists():
            return (
                2 * (decode(read_checked(mask, MAX_PICTURE_BYTES)).pixels[None, :, :, 0] > 127).astype(np.float32) - 1
            )
        if kind != "test" or key not in self.items:
            return None
        maps = self._tests_with(int(name)).maps
        return None if maps is None else maps[int(name)].float().numpy()

    def _tests_with(self, index: int) -> LabelledImages:
        """Test images that hold this one."""
        assert self.tests is not None
        return self.tests if index < len(self.tests) else _tests(self.task, self.root)

    def _test_picture(self, index: int) -> Picture:
        pixels = self._tests_with(index).pixels[index].permute(1, 2, 0).expand(-1, -1, 3).to(torch.uint8).numpy()
        height, width, _ = pixels.shape
        return Picture(np.ascontiguousarray(pixels), "test image", width, height, ())


def gallery(task: Task, root: Path | None = None) -> Gallery:
    """What can be picked for `task`: the first test images where they are, photographs, then generated pictures.

    Photographs come last in a task of garments, none of which they show.
    """
    root = root or data_root()
    tests = _first_tests(task, root)
    garments = task.class_names == FASHION_MNIST.class_names
    shipped = (_generated_items(task), photographs(task)) if garments else (photographs(task), _generated_items(task))
    items = (*_test_items(task, tests), *shipped[0], *shipped[1])
    listed = {item.key: item for item in items}
    return Gallery(task, Offered(listed, partial(_further, task, root, tests is not None)), tests, root)


def most_tests(task: Task) -> int:
    """How many of a task's test images can be asked for by number: all that are held in memory without harm."""
    held = min(MOST_TESTS, MOST_TEST_BYTES // prod(task.shape))
    return held if held >= 2 * TEST_IMAGES_OFFERED else TEST_IMAGES_OFFERED


def _further(task: Task, root: Path, there: bool, key: object) -> GalleryItem | None:
    """The test image of a key from anyone, beyond those that are listed."""
    found = _FURTHER.fullmatch(key) if isinstance(key, str) else None
    if not there or found is None or not TEST_IMAGES_OFFERED <= int(found[1]) < most_tests(task):
        return None
    labels = _tests(task, root).labels
    return _test_item(task, int(found[1]), int(labels[int(found[1])])) if int(found[1]) < len(labels) else None


@lru_cache(maxsize=2)
def _tests(task: Task, root: Path) -> LabelledImages:
    """The test images that can be asked for by number."""
    return load(task, "test", root, most_tests(task))


def _first_tests(task: Task, root: Path) -> LabelledImages | None:
    """The test images offered, apart from the many that are not; None where they are not on this machine."""
    try:
        first = load(task, "test", root, TEST_IMAGES_OFFERED)
    except DataMissingError:
        return None
    maps = None if first.maps is None else first.maps.clone()
    return LabelledImages(first.pixels.clone(), first.labels.clone(), first.origin, maps)


def photographs(task: Task) -> Iterator[GalleryItem]:
    """The photographs that are offered for a task."""
    for name in task.photographs:
        title, _, whose = _PHOTOGRAPHS[name]
        yield GalleryItem(f"photo:{name}", title, None, f"photograph by {whose}")


def photograph(name: str) -> Picture:
    """A photograph by its name."""
    return decode(_PHOTOGRAPHS[name][1].read_bytes())


def _generated(task: Task) -> dict[str, Path]:
    """The pictures that a generator of `task` made, by number; their names go on with the class."""
    return {path.stem.partition("-")[0]: path for path in sorted((ASSETS / task.key).glob("[0-9]*-*.png"))}


def _generated_items(task: Task) -> Iterator[GalleryItem]:
    labels = {name.replace("/", "-"): label for label, name in enumerate(task.class_names)}
    of_class: Counter[int] = Counter()
    for number, path in _generated(task).items():
        label = labels[path.stem.partition("-")[2]]
        of_class[label] += 1
        title = f"generated {task.class_names[label]} {of_class[label]}"
        yield GalleryItem(f"generated:{number}", title, label, f"made by this project's generators for {task.title}")


def _test_items(task: Task, tests: LabelledImages | None) -> Iterator[GalleryItem]:
    for index, label in enumerate([] if tests is None else tests.labels.tolist()):
        yield _test_item(task, index, label)


def _test_item(task: Task, index: int, label: int) -> GalleryItem:
    return GalleryItem(f"test:{index}", f"{task.class_names[label]} (test {index})", label, f"{task.title} test set")
