"""Pictures that are none of a task's: sets to measure anomaly detectors on, all brought to the task in the same way.

Every picture, read or made, is uint8 RGB and passes `core.images.fit` (centre crop, Pillow's Lanczos filter, luma for a
grey task). That leaves traces in what it enlarges or shrinks, which the task's own images do not have: CIFAR-100 has
CIFAR-10's size and passes unchanged, others do not. Two controls say how much of a detection that explains: "resized",
the task's own test images taken to 64x64 pixels and back, and "tiny-known", the photographs of Tiny ImageNet whose
classes CIFAR-10 has, which come the same way as those whose classes it lacks.

What is read from files comes in a seeded order of our own, as evenly over the classes as can be (`evenly`): files have
orders of theirs. CIFAR-100's is sorted by class, and the second half of MNIST's test set is harder than the first.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from core.data import fashion_mnist, tiny20
from core.data.datasets import LabelledImages, data_root, load
from core.data.idx import idx
from core.data.tasks import Task
from core.errors import ConfigError, DataMissingError, InputError
from core.images import decode, fit

Kind = Literal["semantic", "far", "control"]

_SIDE = 64  # of what "resized" enlarges to
_SEED = 0x0D15

# Tiny ImageNet's classes that CIFAR-10 has, or that a class of it plainly holds.
TINY_KNOWN: Mapping[str, str] = {
    "n01641577": "bullfrog: frog",
    "n01644900": "tailed frog: frog",
    "n01855672": "goose: bird",
    "n02002724": "black stork: bird",
    "n02056570": "king penguin: bird",
    "n02058221": "albatross: bird",
    "n02085620": "Chihuahua: dog",
    "n02094433": "Yorkshire terrier: dog",
    "n02099601": "golden retriever: dog",
    "n02099712": "Labrador retriever: dog",
    "n02106662": "German shepherd: dog",
    "n02113799": "standard poodle: dog",
    "n02123045": "tabby: cat",
    "n02123394": "Persian cat: cat",
    "n02124075": "Egyptian cat: cat",
    "n02814533": "beach wagon: automobile",
    "n03100240": "convertible: automobile",
    "n03670208": "limousine: automobile",
    "n04285008": "sports car: automobile",
    "n03796401": "moving van: truck",
    "n03662601": "lifeboat: ship",
}
# Neither clearly of CIFAR-10 nor clearly not; in no set.
TINY_NEAR: Mapping[str, str] = {
    "n02423022": "gazelle: near deer",
    "n02125311": "cougar: near cat",
    "n03447447": "gondola: near ship",
    "n03977966": "police van: near truck and automobile",
    "n04146614": "school bus: near truck",
    "n04487081": "trolleybus: near truck",
    "n03393912": "freight car: near truck",
    "n04465501": "tractor: near truck",
}
# Tiny ImageNet's classes that show garments, shoes and bags, left out for Fashion-MNIST.
TINY_WORN: Mapping[str, str] = {
    "n02669723": "academic gown",
    "n02730930": "apron",
    "n02769748": "backpack",
    "n02837789": "bikini",
    "n02963159": "cardigan",
    "n03026506": "Christmas stocking",
    "n03404251": "fur coat",
    "n03617480": "kimono",
    "n03763968": "military uniform",
    "n03770439": "miniskirt",
    "n03980874": "poncho",
    "n04133789": "sandal",
    "n04254777": "sock",
    "n04371430": "swimming trunks",
    "n04532106": "vestment",
}

EVENLY = f"by a seeded permutation, stratified by class (seed {_SEED})"
ONE_BY_ONE = f"one after the other, each from a seed of its own (seed {_SEED})"

Pictures = Iterator[tuple[NDArray[np.uint8], int]]
"""Pictures (H, W, 3), each with its class in the set that it is of, or -1."""
Maker = Callable[[np.random.Generator, int, int], NDArray[np.float64]]
"""Draws a picture (height, width, 3) in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Outliers:
    """A set of pictures that are none of a task's.

    Attributes:
        key: its name in reports.
        title: its name for people.
        kind: "semantic": other things, of the task's kind of picture. "far": another kind of picture. "control": no
            anomaly, to see what else a detector answers to.
        left_out: the classes that are not in it, and why.
        sampled: its classes stand for others that could have been in it, so that intervals must resample classes.
    """

    key: str
    title: str
    kind: Kind
    left_out: tuple[str, ...] = ()
    sampled: bool = False

    @property
    def definition(self) -> dict[str, object]:
        """What decides its pictures, as plain values."""
        drawn = ONE_BY_ONE if self.key in _MAKERS else EVENLY
        return {"title": self.title, "left_out": list(self.left_out), "drawn": drawn, "sampled": self.sampled}


_CIFAR100 = Outliers(
    "cifar100", "CIFAR-100, test set, all hundred classes; CIFAR-10 has none of them", "semantic", sampled=True
)
_TINY = Outliers(
    "tiny",
    "Tiny ImageNet, validation set, the classes that CIFAR-10 lacks",
    "semantic",
    (*TINY_KNOWN.values(), *TINY_NEAR.values()),
    sampled=True,
)
_GARMENTS = Outliers("garments", "Fashion-MNIST, test set", "far")
_DIGITS = Outliers("digits", "MNIST, test set", "far")
_MADE = (
    Outliers("noise", "every level of every pixel drawn alike", "far"),
    Outliers("gradients", "four corners of random colours, blended", "far"),
    Outliers("solid", "one random colour", "far"),
)
_RESIZED = Outliers("resized", "the task's test images, enlarged to 64x64 pixels and brought back", "control")

OUTLIERS: Mapping[str, tuple[Outliers, ...]] = {
    "cifar10": (
        _CIFAR100,
        _TINY,
        _GARMENTS,
        _DIGITS,
        *_MADE,
        _RESIZED,
        Outliers("tiny-known", "Tiny ImageNet, validation set, classes that CIFAR-10 has", "control", sampled=True),
    ),
    "fashion-mnist": (
        Outliers("cifar100", "CIFAR-100, test set, all hundred classes, in grey", "far", sampled=True),
        Outliers(
            "tiny",
            "Tiny ImageNet, validation set, in grey, without what is worn",
            "far",
            tuple(TINY_WORN.values()),
            sampled=True,
        ),
        _DIGITS,
        *_MADE,
        _RESIZED,
    ),
}
"""The sets of each task that has some."""


def outliers_of(task: Task) -> tuple[Outliers, ...]:
    """The sets that a task's detectors are measured on.

    Raises:
        ConfigError: it has none.
    """
    if task.key not in OUTLIERS:
        raise ConfigError(f"{task.title} has no sets of outliers; those with some are {', '.join(OUTLIERS)}")
    return OUTLIERS[task.key]


def load_outliers(task: Task, key: str, count: int, root: Path | None = None) -> LabelledImages:
    """The first `count` pictures of a set, or all there are, drawn as its `definition` says.

    The first ones are the same whatever the count. Labels are the set's own classes, none of the task's; -1 where it
    has none.

    Raises:
        ConfigError: the task has no such set, or count < 1.
        DataMissingError: its files are not under `root` (default: `data_root()`).
    """
    known = [each.key for each in outliers_of(task)]
    if key not in known or count < 1:
        raise ConfigError(f"need a set of {', '.join(known)} and a count of at least 1; got {key!r} and {count}")
    root = root or data_root()
    try:
        found = list(islice(_PICTURES[key](task, root), count))
        pixels = [(fit(picture, task.shape)[0] * 255).round().to(torch.uint8) for picture, _ in found]
    except (OSError, RuntimeError, ValueError, InputError) as error:
        raise DataMissingError(f"the pictures {key!r} are not on this machine: {_where(key, root)}") from error
    if not pixels:
        raise DataMissingError(f"the pictures {key!r} are not on this machine: {_where(key, root)}")
    return LabelledImages(torch.stack(pixels), torch.tensor([label for _, label in found]), f"{key} for {task.key}")


def evenly(labels: NDArray[np.integer[Any]], seed: int) -> NDArray[np.int64]:
    """A random order of items in which every stretch from the start has the classes' shares, as nearly as can be.

    (Proportional stratified sampling without replacement; the n items of a class fall one into each n-th of the order.)

    Args:
        labels: the items' classes (n,).
        seed: of the order.
    """
    rng = np.random.default_rng([_SEED, seed])
    place = np.empty(len(labels))
    for label in np.unique(labels):
        mine = rng.permutation(np.flatnonzero(labels == label))
        place[mine] = (np.arange(len(mine)) + rng.random(len(mine))) / len(mine)
    return place.argsort(kind="stable")


def _where(key: str, root: Path) -> str:
    """Where the files of a set belong."""
    match key:
        case "cifar100":
            folder = root / "cifar100-test"
            return f"put images.npy, uint8 (10000, 32, 32, 3), and fine_labels.npy, whole numbers (10000,), in {folder}"
        case "tiny" | "tiny-known":
            return f"unpack tiny-imagenet-200.zip so that {root / tiny20.FOLDER / 'val' / 'val_annotations.txt'} exists"
        case _:
            name = "FashionMNIST" if key == "garments" else "MNIST"
            return f"put {name}'s idx files (such as t10k-images-idx3-ubyte) in {root / name / 'raw'}, unpacked"


def _shuffled(key: str, labels: NDArray[np.integer[Any]], picture: Callable[[int], NDArray[np.uint8]]) -> Pictures:
    """The pictures of a set from files in the order that `evenly` gives, each read when its turn comes."""
    for index in evenly(labels, zlib.crc32(key.encode())):
        yield picture(int(index)), int(labels[index])


def _cifar100(task: Task, root: Path) -> Pictures:
    folder = root / "cifar100-test"
    images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
    labels = np.load(folder / "fine_labels.npy", allow_pickle=False)
    if labels.shape != images.shape[:1]:
        raise ValueError("images and labels are not of one set")
    return _shuffled("cifar100", labels, lambda index: np.array(images[index]))


def _tiny(known: bool, task: Task, root: Path) -> Pictures:
    folder = root / tiny20.FOLDER / "val"
    lines = (folder / "val_annotations.txt").read_text(encoding="utf-8").splitlines()
    out = TINY_WORN if task.grey else {**TINY_KNOWN, **TINY_NEAR}
    pairs = [line.split("\t")[:2] for line in lines]
    chosen = [(name, wnid) for name, wnid in pairs if ((wnid in TINY_KNOWN) if known else (wnid not in out))]
    labels = np.unique([wnid for _, wnid in chosen], return_inverse=True)[1]
    return _shuffled("tiny", labels, lambda index: decode((folder / "images" / chosen[index][0]).read_bytes()).pixels)


def _garments(task: Task, root: Path) -> Pictures:
    return _idx("garments", fashion_mnist.PICTURES(str(root), train=False))


def _digits(task: Task, root: Path) -> Pictures:
    return _idx("digits", idx("MNIST")(str(root), train=False))


def _idx(key: str, pictures: Any) -> Pictures:
    """Those of a set in the idx form."""
    return _shuffled(key, pictures.targets.numpy(), lambda index: _rgb(pictures.data[index].numpy()))


def _resized(task: Task, root: Path) -> Pictures:
    try:
        images = load(task, "test", root)
    except DataMissingError as error:
        raise OSError from error

    def there_and_back(index: int) -> NDArray[np.uint8]:
        picture = _rgb(images.pixels[index].permute(1, 2, 0).numpy())
        return _levels(fit(picture, (3, _SIDE, _SIDE)))

    return _shuffled("resized", images.labels.numpy(), there_and_back)


def _made(draw: Maker, task: Task, root: Path) -> Pictures:
    """Pictures without end, each from a seed of its own."""
    index = 0
    while True:
        rng = np.random.default_rng([_SEED, index])
        yield np.rint(draw(rng, *task.shape[1:]) * 255).astype(np.uint8), -1
        index += 1


def _noise(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    return rng.random((height, width, 3))


def _solid(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    return np.broadcast_to(rng.random(3), (height, width, 3))


def _gradient(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    corners = rng.random((2, 2, 3))
    down, right = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    top = (1 - right) * corners[0, 0] + right * corners[0, 1]
    bottom = (1 - right) * corners[1, 0] + right * corners[1, 1]
    shade: NDArray[np.float64] = (1 - down) * top + down * bottom
    return shade


_MAKERS: Mapping[str, Maker] = {"noise": _noise, "gradients": _gradient, "solid": _solid}
_PICTURES: Mapping[str, Callable[[Task, Path], Pictures]] = {
    "cifar100": _cifar100,
    "tiny": partial(_tiny, False),
    "tiny-known": partial(_tiny, True),
    "garments": _garments,
    "digits": _digits,
    **{key: partial(_made, draw) for key, draw in _MAKERS.items()},
    "resized": _resized,
}


def _rgb(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W), (H, W, 1) or (H, W, 3) with three channels."""
    spread = picture[..., None] if picture.ndim == 2 else picture
    return np.ascontiguousarray(np.broadcast_to(spread, (*spread.shape[:2], 3)))


def _levels(x: torch.Tensor) -> NDArray[np.uint8]:
    """An image (1, C, H, W) in [0, 1] as (H, W, C) in 8 bits."""
    levels: NDArray[np.uint8] = (x[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return levels
