"""Pictures that are none of a task's: sets to measure anomaly detectors on, all brought to the task in the same way.

Every picture, read or made, is uint8 RGB and passes `core.images.fit` (centre crop, Pillow's Lanczos filter, luma for a
grey task). That leaves traces in what it enlarges or shrinks, which the task's own images do not have: CIFAR-100 has
CIFAR-10's size and passes unchanged, others do not. Two controls say how much of a detection that explains: "resized",
the task's own test images taken to 64x64 pixels and back, and "tiny-known", the photographs of Tiny ImageNet whose
classes CIFAR-10 has, which come the same way as those whose classes it lacks.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from core.data import tiny20
from core.data.datasets import LabelledImages, data_root, load
from core.data.tasks import Task
from core.errors import ConfigError, DataMissingError, InputError
from core.images import decode, fit
from core.torchvision_compat import torchvision

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

Pixels = Iterator[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Outliers:
    """A set of pictures that are none of a task's.

    Attributes:
        key: its name in reports.
        title: its name for people.
        kind: "semantic": other things, of the task's kind of picture. "far": another kind of picture. "control": no
            anomaly, to see what else a detector answers to.
        left_out: the classes that are not in it, and why.
    """

    key: str
    title: str
    kind: Kind
    left_out: tuple[str, ...] = ()


_CIFAR100 = Outliers("cifar100", "CIFAR-100, test set, all hundred classes; CIFAR-10 has none of them", "semantic")
_TINY = Outliers(
    "tiny",
    "Tiny ImageNet, validation set, the classes that CIFAR-10 lacks",
    "semantic",
    (*TINY_KNOWN.values(), *TINY_NEAR.values()),
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
        Outliers("tiny-known", "Tiny ImageNet, validation set, classes that CIFAR-10 has", "control"),
    ),
    "fashion-mnist": (
        Outliers("cifar100", "CIFAR-100, test set, in grey", "far"),
        Outliers(
            "tiny", "Tiny ImageNet, validation set, in grey, without what is worn", "far", tuple(TINY_WORN.values())
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
    """The first `count` pictures of a set, in its own order, or all there are; labels are -1.

    What is made is drawn by a fixed seed, and the first ones are the same whatever the count.

    Raises:
        ConfigError: the task has no such set, or count < 1.
        DataMissingError: its files are not under `root` (default: `data_root()`).
    """
    known = [each.key for each in outliers_of(task)]
    if key not in known or count < 1:
        raise ConfigError(f"need a set of {', '.join(known)} and a count of at least 1; got {key!r} and {count}")
    root = root or data_root()
    try:
        pictures = islice(_PICTURES[key](task, root), count)
        pixels = [(fit(picture, task.shape)[0] * 255).round().to(torch.uint8) for picture in pictures]
    except (OSError, RuntimeError, ValueError, InputError) as error:
        raise DataMissingError(f"the pictures {key!r} are not on this machine: {_where(key, root)}") from error
    if not pixels:
        raise DataMissingError(f"the pictures {key!r} are not on this machine: {_where(key, root)}")
    return LabelledImages(torch.stack(pixels), torch.full((len(pixels),), -1), f"{key} for {task.key}")


def _where(key: str, root: Path) -> str:
    """Where the files of a set belong."""
    match key:
        case "cifar100":
            return f"put images.npy, uint8 (10000, 32, 32, 3), in {root / 'cifar100-test'}"
        case "tiny" | "tiny-known":
            return f"unpack tiny-imagenet-200.zip so that {root / tiny20.FOLDER / 'val' / 'val_annotations.txt'} exists"
        case _:
            folder = "FashionMNIST" if key == "garments" else "MNIST"
            return f"put {folder}'s idx files (such as t10k-images-idx3-ubyte) in {root / folder / 'raw'}, unpacked"


def _cifar100(task: Task, root: Path) -> Pixels:
    images = np.load(root / "cifar100-test" / "images.npy", mmap_mode="r", allow_pickle=False)
    return (np.array(image) for image in images)


def _tiny(known: bool, task: Task, root: Path) -> Pixels:
    folder = root / tiny20.FOLDER / "val"
    lines = (folder / "val_annotations.txt").read_text(encoding="utf-8").splitlines()
    out = TINY_WORN if task.grey else {**TINY_KNOWN, **TINY_NEAR}
    for name, wnid in (line.split("\t")[:2] for line in lines):
        if (wnid in TINY_KNOWN) if known else (wnid not in out):
            yield decode((folder / "images" / name).read_bytes()).pixels


def _garments(task: Task, root: Path) -> Pixels:
    return map(_rgb, torchvision.datasets.FashionMNIST(str(root), train=False).data.numpy())


def _digits(task: Task, root: Path) -> Pixels:
    return map(_rgb, torchvision.datasets.MNIST(str(root), train=False).data.numpy())


def _resized(task: Task, root: Path) -> Pixels:
    try:
        images = load(task, "test", root)
    except DataMissingError as error:
        raise OSError from error
    for image in images.pixels:
        picture = _rgb(image.permute(1, 2, 0).numpy())
        yield _levels(fit(picture, (3, _SIDE, _SIDE)))


def _made(draw: Callable[[np.random.Generator, int, int], NDArray[np.float64]], task: Task, root: Path) -> Pixels:
    """Pictures without end, each from a seed of its own."""
    index = 0
    while True:
        rng = np.random.default_rng([_SEED, index])
        yield np.rint(draw(rng, *task.shape[1:]) * 255).astype(np.uint8)
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


_PICTURES: Mapping[str, Callable[[Task, Path], Pixels]] = {
    "cifar100": _cifar100,
    "tiny": partial(_tiny, False),
    "tiny-known": partial(_tiny, True),
    "garments": _garments,
    "digits": _digits,
    "noise": partial(_made, _noise),
    "gradients": partial(_made, _gradient),
    "solid": partial(_made, _solid),
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
