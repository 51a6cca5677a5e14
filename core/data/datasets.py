"""The real data sets, each through the reader of its task, cut into the project's splits."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Literal

import torch
from platformdirs import user_cache_path
from torch import Tensor

from core.data.tasks import Task
from core.data.walk import class_folders, files, is_picture, read_picture
from core.errors import ConfigError, DataMissingError, InputError
from core.images import MAX_BYTES, decode, fit
from core.text import shorten

Split = Literal["train", "val", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "calibration", "test")
SPLIT_SEED = 0


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Images with their labels, kept as bytes.

    Attributes:
        pixels: uint8 (N, C, H, W), on the CPU.
        labels: int64 (N,), on the device that images are to come on.
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
        """Images `start` to `stop` as float32 (n, C, H, W) in [0, 1], on the device of the labels."""
        return self.pixels[start:stop].to(self.device).float() / 255.0

    @property
    def device(self) -> torch.device:
        """Where images come."""
        return self.labels.device

    def on(self, device: torch.device) -> "LabelledImages":
        """The same, whose images come on a device."""
        return replace(self, labels=self.labels.to(device))

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


@dataclass(frozen=True, slots=True)
class Reader:
    """How the data set of a task is found, fetched and read; what is missing raises RuntimeError or OSError.

    Attributes:
        by_hand: one sentence that says which files to place where under a root when they can't be downloaded.
        present: whether the test images are under a root.
        fetch: downloads the set to a root, with progress and checksums.
        read: a split from a root, in a fixed order; a reader of single files may leave out those beyond the first
            `most`.
    """

    by_hand: Callable[[Path], str]
    present: Callable[[Path], bool]
    fetch: Callable[[Path], None]
    read: Callable[[Task, Path, Split, int | None], LabelledImages]


def reader_of(task: Task) -> Reader:
    """What reads the data set of a task."""
    reader: Reader = import_module(task.reader).READER
    return reader


def fetch(task: Task, root: Path) -> None:
    """Download the data set of `task` to `root`, with torchvision's progress bar and checksums.

    Raises:
        DataMissingError: the download failed; says where to put the files by hand.
    """
    reader = reader_of(task)
    try:
        root.mkdir(parents=True, exist_ok=True)
        reader.fetch(root)
    except (OSError, RuntimeError) as error:
        raise DataMissingError(
            f"{task.title} could not be downloaded ({str(error).splitlines()[0]}). {reader.by_hand(root)}"
        ) from error


def available(task: Task, root: Path | None = None) -> bool:
    """Whether the test images of `task` are on this machine."""
    return reader_of(task).present(root or data_root())


def load(task: Task, split: Split, root: Path | None = None, most: int | None = None) -> LabelledImages:
    """One split of the task's data set, or the first `most` images of it, in a fixed order.

    `train`, `val` and `calibration` are cut from the official training set by a permutation drawn with seed 0: the
    first `val_size` indices are `val`, the next `calibration_size` are `calibration`, the rest is `train`. `test` is
    the official test set, in its own order.

    Raises:
        DataMissingError: the files are not under `root` (default: `data_root()`).
    """
    root, reader = root or data_root(), reader_of(task)
    try:
        found = reader.read(task, root, split, most)
    except (RuntimeError, OSError) as error:
        raise DataMissingError(
            f"{task.title} is not on this machine: run 'robustscope data fetch {task.key}'. {reader.by_hand(root)}"
        ) from error
    return found if most is None else found.first(most)


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

    Files and spellings as in `labelled_files`.

    Raises:
        InputError: no such folder, a subfolder that is no class of the task, a file that can't be read or is no image,
            or no image at all.
    """
    pixels, labels = [], []
    for path, label in labelled_files(task, folder):
        try:
            x = fit(decode(read_picture(path, MAX_BYTES)).pixels, task.shape, fitting, task.background)
        except InputError as error:
            raise InputError(f"{shorten(path)}: {error}") from error
        pixels.append((x[0] * 255.0).round().to(torch.uint8))
        labels.append(label)
    return LabelledImages(torch.stack(pixels), torch.tensor(labels), f"folder {folder.name}")


def labelled_files(task: Task, folder: Path) -> list[tuple[Path, int]]:
    """The pictures in and below the subfolders of `folder` with their labels: classes in label order, files by name.

    What is a picture, which spellings name a class, and which helper files are passed over: see `core.data.walk`.

    Raises:
        InputError: no such folder, a subfolder that is no class of the task or can't be listed, or no image at all.
    """
    found = []
    for subfolder, label in class_folders(folder, task.class_names):
        for path in files(subfolder):
            if path.is_dir():
                raise InputError(f"{shorten(path)} can't be listed")
            if is_picture(path):
                found.append((path, label))
    if not found:
        raise InputError(f"{shorten(folder)} holds no images in subfolders named after the classes of {task.title}")
    return found
