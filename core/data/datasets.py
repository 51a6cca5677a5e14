"""The real data sets, read through torchvision and cut into the project's splits."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from platformdirs import user_cache_path
from torch import Tensor

from core.data import pasted, tiny20
from core.data.tasks import CIFAR10, FASHION_MNIST, Task
from core.errors import ConfigError, DataMissingError, InputError
from core.images import decode, fit
from core.torchvision_compat import torchvision

Split = Literal["train", "val", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "calibration", "test")
SPLIT_SEED = 0
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})

_CLASSES = {
    "cifar10": torchvision.datasets.CIFAR10,
    "fashion-mnist": torchvision.datasets.FashionMNIST,
}


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Images with their labels, kept as bytes.

    Attributes:
        pixels: uint8 (N, C, H, W).
        labels: int64 (N,).
        origin: what they are, for provenance ("cifar10 test").
        maps: where the object is, int8 (N, 1, H, W): +1 on it, -1 elsewhere; None without annotations.
    """

    pixels: Tensor
    labels: Tensor
    origin: str
    maps: Tensor | None = None

    def __len__(self) -> int:
        """The number of images N."""
        return len(self.labels)

    def images(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Images `start` to `stop` as float32 (n, C, H, W) in [0, 1]."""
        return self.pixels[start:stop].float() / 255.0

    def first(self, count: int) -> "LabelledImages":
        """The first `count` images, in the data set's order."""
        return self.part(0, count)

    def part(self, start: int, stop: int) -> "LabelledImages":
        """Images `start` to `stop`, in the data set's order."""
        maps = None if self.maps is None else self.maps[start:stop]
        return LabelledImages(self.pixels[start:stop], self.labels[start:stop], self.origin, maps)


def data_root() -> Path:
    """The folder that holds the data sets: `ROBUSTSCOPE_DATA`, or `data` in the user's cache folder."""
    configured = os.environ.get("ROBUSTSCOPE_DATA")
    return Path(configured).expanduser() if configured else user_cache_path("robustscope") / "data"


def where_to_put(task: Task, root: Path) -> str:
    """One sentence that says which files to place where when they can't be downloaded."""
    match task.key:
        case "cifar10":
            return f"Unpack cifar-10-python.tar.gz so that {root / 'cifar-10-batches-py' / 'data_batch_1'} exists."
        case "tiny20":
            return (
                f"Unpack tiny-imagenet-200.zip so that {root / tiny20.FOLDER / 'val' / 'val_annotations.txt'} exists."
            )
        case "pasted":
            return f"It is made of two sets. {where_to_put(CIFAR10, root)} {where_to_put(FASHION_MNIST, root)}"
        case _:
            folder = root / _CLASSES[task.key].__name__ / "raw"
            return f"Put the four idx files (such as {folder / 't10k-images-idx3-ubyte'}) there, unpacked."


def _open(task: Task, train: bool, root: Path, download: bool = False) -> torchvision.datasets.VisionDataset:
    """torchvision's data set for `task`, with its own checks."""
    return _CLASSES[task.key](str(root), train=train, download=download)


def fetch(task: Task, root: Path) -> None:
    """Download the data set of `task` to `root`, with torchvision's progress bar and checksums.

    Raises:
        DataMissingError: the download failed; says where to put the files by hand.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        if task.key == "tiny20":
            if not tiny20.present(root):
                tiny20.download(root)
            return
        for part in (CIFAR10, FASHION_MNIST) if task.key == "pasted" else (task,):
            for train in (True, False):
                _open(part, train, root, download=True)
    except (OSError, RuntimeError) as error:
        raise DataMissingError(
            f"{task.title} could not be downloaded ({str(error).splitlines()[0]}). {where_to_put(task, root)}"
        ) from error


def available(task: Task, root: Path | None = None) -> bool:
    """Whether the test images of `task` are on this machine."""
    root = root or data_root()
    if task.key == "tiny20":
        return tiny20.present(root)
    if task.key == "pasted":
        return available(CIFAR10, root) and available(FASHION_MNIST, root)
    try:
        _open(task, False, root)
    except (RuntimeError, OSError):
        return False
    return True


def load(task: Task, split: Split, root: Path | None = None) -> LabelledImages:
    """One split of the task's data set, in a fixed order.

    `train`, `val` and `calibration` are cut from the official training set by a permutation drawn with seed 0: the
    first `val_size` indices are `val`, the next `calibration_size` are `calibration`, the rest is `train`. `test` is
    the official test set, in its own order.

    Raises:
        DataMissingError: the files are not under `root` (default: `data_root()`).
    """
    root = root or data_root()
    try:
        match task.key:
            case "tiny20":
                return _load_tiny20(task, split, root)
            case "pasted":
                return _load_pasted(task, split, root)
            case _:
                return _load_official(task, split, root)
    except (RuntimeError, OSError) as error:
        raise DataMissingError(
            f"{task.title} is not on this machine: run 'robustscope data fetch {task.key}'. {where_to_put(task, root)}"
        ) from error


def _load_official(task: Task, split: Split, root: Path) -> LabelledImages:
    """A split of a set that torchvision reads."""
    data = _open(task, split != "test", root)
    pixels = torch.as_tensor(data.data)
    pixels = pixels.unsqueeze(1) if task.grey else pixels.permute(0, 3, 1, 2).contiguous()
    labels = torch.as_tensor(data.targets, dtype=torch.int64)
    if split != "test":
        chosen = split_indices(len(labels), task.val_size, task.calibration_size)[split]
        pixels, labels = pixels[chosen], labels[chosen]
    return LabelledImages(pixels, labels, f"{task.key} {split}")


def _load_tiny20(task: Task, split: Split, root: Path) -> LabelledImages:
    """A split of the pictures with boxes; `test` is the official validation pictures of the twenty classes."""
    found = tiny20.entries(root, train=split != "test")
    if split != "test":
        chosen = split_indices(len(found), task.val_size, task.calibration_size)[split]
        found = [found[index] for index in chosen.tolist()]
    pixels, labels, maps = tiny20.read(found, task.shape)
    return LabelledImages(pixels, labels, f"{task.key} {split}", maps)


def _load_pasted(task: Task, split: Split, root: Path) -> LabelledImages:
    """Garments of a split of Fashion-MNIST on photographs of the same split of CIFAR-10: splits share neither."""
    garments = _load_official(FASHION_MNIST, split, root)
    photos = _load_official(CIFAR10, split, root)
    pixels, maps = pasted.paste(garments.pixels, photos.pixels, SPLITS.index(split))
    return LabelledImages(pixels, garments.labels, f"{task.key} {split}", maps)


def split_indices(count: int, val_size: int, calibration_size: int) -> dict[str, Tensor]:
    """The indices of `train`, `val` and `calibration` in an official training set of `count` images.

    Raises:
        ConfigError: the set is too small to leave anything for training.
    """
    if count <= val_size + calibration_size:
        raise ConfigError(f"{count} images are too few for {val_size} val and {calibration_size} calibration images")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SPLIT_SEED))
    val, calibration, train = order.tensor_split([val_size, val_size + calibration_size])
    return {"train": train, "val": val, "calibration": calibration}


def load_folder(task: Task, folder: Path, fitting: Literal["crop", "letterbox"] = "crop") -> LabelledImages:
    """Images from `folder`, one subfolder a class named as the task names it, fitted to the task.

    Files are taken in the order of their names, classes in label order; "/" in a class name is written "-" in the
    folder's.

    Raises:
        InputError: no such folder, a subfolder that is no class of the task, a file that is no image, or no image at
            all.
    """
    pixels, labels = [], []
    for path, label in labelled_files(task, folder):
        try:
            x = fit(decode(path.read_bytes()).pixels, task.shape, fitting, task.background)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        pixels.append((x[0] * 255.0).round().to(torch.uint8))
        labels.append(label)
    return LabelledImages(torch.stack(pixels), torch.tensor(labels), f"folder {folder.name}")


def labelled_files(task: Task, folder: Path) -> list[tuple[Path, int]]:
    """The image files in the subfolders of `folder` with their labels, classes in label order, files by name.

    Raises:
        InputError: no such folder, a subfolder that is no class of the task, or no image at all.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    labels_of = {name.replace("/", "-"): label for label, name in enumerate(task.class_names)}
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir())
    strangers = [path.name for path in subfolders if path.name not in labels_of]
    if strangers:
        raise InputError(
            f"{folder}: {strangers[0]!r} is no class of {task.title}; its classes are {', '.join(labels_of)}"
        )
    found = [
        (path, labels_of[subfolder.name])
        for subfolder in sorted(subfolders, key=lambda path: labels_of[path.name])
        for path in sorted(subfolder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]
    if not found:
        raise InputError(f"{folder} holds no images in subfolders named after the classes of {task.title}")
    return found
