"""What visitors share: models, pictures, looks and challenges, each bounded, keyed by names, digests and settings.

Streamlit hashes large arrays from a sample only, so arrays are passed as `_x` beside a digest of our own.
"""

import gc
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from app import visitors
from app.names import OWN
from app.uploads import UPLOAD, Uploads
from core.attacks.pgd import Pgd
from core.data.datasets import available, data_root
from core.data.galleries import GalleryItem, gallery, picture
from core.data.tasks import TASKS, Task, task_named
from core.explanations.challenge import AttackResult, attack_result
from core.explanations.look import Prediction, predict
from core.images import Picture, decode, fit, to_png
from core.models.zoo import ASSETS, Card, ZooModel, cards, load_zoo_model

PREVIEW = 640  # longest side of the original as it is shown, in pixels
THUMBNAIL = 112


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A picture chosen for a task, and what the task's models get of it.

    Attributes:
        title: its name for people.
        source: where it comes from, one phrase.
        label: true class index where one is known.
        notes: what decoding changed, in sentences.
        original: the picture as PNG, longest side at most `PREVIEW`.
        size: width and height of the picture as it came, in pixels.
        x: the models' input (1, C, H, W), float32 in [0, 1].
        digest: of `x`; results are cached under it.
    """

    title: str
    source: str
    label: int | None
    notes: tuple[str, ...]
    original: bytes
    size: tuple[int, int]
    x: NDArray[np.float32]
    digest: str


def zoo_folder() -> Path:
    """Where the models lie: `ROBUSTSCOPE_MODELS`, or those that ship."""
    configured = os.environ.get("ROBUSTSCOPE_MODELS")
    return Path(configured).expanduser() if configured else ASSETS


def cards_of(task: str) -> dict[str, Card]:
    """The cards of a task by key, the visitor's own networks last; read again when a card's file changes.

    Raises:
        InputError: a card is damaged.
    """
    return _cards_in(task, zoo_folder()) | own_cards(task)


def own_cards(task: str) -> dict[str, Card]:
    """The cards of this visitor's own networks for a task by key.

    Raises:
        InputError: a card is damaged.
    """
    visitor = visitors.me()
    return _cards_in(task, visitors.models(visitor)) if visitor else {}


def _cards_in(task: str, folder: Path) -> dict[str, Card]:
    stamps = tuple((path.name, path.stat().st_mtime_ns) for path in sorted((folder / task).glob("*.json")))
    return _read_cards(task, str(folder), stamps)


@st.cache_resource(max_entries=64, show_spinner=False)
def _read_cards(task: str, folder: str, stamps: tuple[tuple[str, int], ...]) -> dict[str, Card]:
    return cards(task, Path(folder))


def zoo_tasks() -> list[str]:
    """The tasks that have at least one model."""
    return [task for task in TASKS if cards_of(task)]


def model(task: str, key: str) -> ZooModel:
    """A model of the zoo, shared by everyone and never written to.

    Raises:
        ConfigError: the zoo has no such model.
        InputError: its files are damaged.
    """
    card = cards_of(task).get(key)
    return _model(task, key, str(_folder(key)), card.sha256 if card else "")


def _folder(key: str) -> Path:
    """Where this visitor's model of this key lies."""
    visitor = visitors.me()
    return visitors.models(visitor) if visitor and key.startswith(OWN) else zoo_folder()


@st.cache_resource(max_entries=24, show_spinner=False)
def _model(task: str, key: str, folder: str, sha256: str) -> ZooModel:
    _use_the_cores()
    _leave_the_imports()
    return load_zoo_model(task, key, Path(folder))


@st.cache_resource(show_spinner=False)
def _leave_the_imports() -> None:
    """Keep the collection of garbage off what is there for good: the half million objects that were imported.

    Streamlit collects after every run of a page or fragment, which would hold up all visitors for 0.25 s each time.
    """
    gc.collect()
    gc.freeze()


def model_files(task: str, key: str) -> dict[str, bytes]:
    """The card and the weights of a model, by the suffixes of their files.

    Raises:
        ConfigError: the zoo has no such model.
        InputError: its files are damaged.
    """
    model(task, key)
    path = _folder(key) / task / key
    return {suffix: path.with_name(key + suffix).read_bytes() for suffix in (".json", ".safetensors")}


def data_there(task: str) -> bool:
    """Whether a task's data set is on this machine."""
    return _data_there(task, str(data_root()))


@st.cache_data(max_entries=16, ttl="20s", show_spinner=False)
def _data_there(task: str, root: str) -> bool:
    return available(task_named(task), Path(root))


@st.cache_resource(show_spinner=False)
def _use_the_cores() -> None:
    """Half the cores for one visitor's work: small images gain little from more, and others are at work too.

    Whoever serves may say another number by `OMP_NUM_THREADS`.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))


@st.cache_resource(show_spinner=False)
def uploads() -> Uploads:
    """The store of uploaded pictures, one for the server."""
    return Uploads()


def keep_upload(data: bytes) -> str:
    """The image key of an uploaded file, decoded and kept.

    Raises:
        InputError: the file is not a usable picture; says why.
    """
    return UPLOAD + uploads().keep(decode(data))


def items(task: str) -> dict[str, GalleryItem]:
    """What the gallery of a task offers, by key."""
    return _items(task, str(data_root()))


@st.cache_resource(max_entries=8, ttl="10m", show_spinner=False)
def _items(task: str, root: str) -> dict[str, GalleryItem]:
    return {item.key: item for item in gallery(task_named(task), Path(root))}


@st.cache_resource(max_entries=256, show_spinner=False)
def _picture(task: str, key: str, root: str) -> Picture:
    return picture(task_named(task), key, Path(root))[1]


@st.cache_data(max_entries=512, show_spinner=False)
def thumbnail(task: str, key: str) -> bytes:
    """A gallery picture as a square PNG."""
    return to_png(fit(_picture(task, key, str(data_root())).pixels, (3, THUMBNAIL, THUMBNAIL))[0])


def model_input(task: str, image: str, mode: str, invert: bool) -> ModelInput:
    """The picture with this image key, fitted to a task.

    Raises:
        InputError: the gallery has no such picture, or the upload is no longer kept.
    """
    if image.startswith(UPLOAD):
        item = GalleryItem(image, "Your picture", None, "uploaded by you, kept in this server's memory only")
        return _model_input(task, image, mode, invert, item, uploads().find(image.removeprefix(UPLOAD)))
    found = _picture(task, image, str(data_root()))
    return _model_input(task, image, mode, invert, items(task)[image], found)


@st.cache_data(max_entries=64, show_spinner=False)
def _model_input(task: str, image: str, mode: str, invert: bool, _item: GalleryItem, _of: Picture) -> ModelInput:
    problem = task_named(task)
    pixels = _of.pixels
    x = fit(pixels, problem.shape, "letterbox" if mode == "letterbox" else "crop", problem.background, invert).numpy()
    digest = hashlib.blake2b(x.tobytes(), digest_size=16).hexdigest()
    size = (_of.width, _of.height)
    return ModelInput(_item.title, _item.source, _item.label, _of.notes, _preview(pixels), size, x, digest)


def _preview(pixels: NDArray[np.uint8]) -> bytes:
    """The original as PNG: shrunk with care when large, enlarged pixel by pixel when tiny."""
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest <= PREVIEW:
        return to_png(pixels, max(1, PREVIEW // (2 * longest)))
    shape = (3, max(1, round(height * PREVIEW / longest)), max(1, round(width * PREVIEW / longest)))
    return to_png(fit(pixels, shape)[0])


def predictions_of(task: Task, keys: Sequence[str], shown: ModelInput) -> list[Prediction]:
    """How each model looks at the picture, in the order of `keys`."""
    return [_prediction(task.key, key, model(task.key, key).card.sha256, shown.digest, shown.x) for key in keys]


@st.cache_data(max_entries=1024, show_spinner=False)
def _prediction(task: str, key: str, sha256: str, digest: str, _x: NDArray[np.float32]) -> Prediction:
    return predict(model(task, key), torch.from_numpy(_x.copy()))


def attack_results(task: Task, keys: Sequence[str], shown: ModelInput, attack: Pgd) -> list[AttackResult]:
    """The picture before and after the attack on each model, in the order of `keys`; always from seed 0."""
    return [
        _attack_result(task.key, key, model(task.key, key).card.sha256, shown.digest, attack, shown.x) for key in keys
    ]


@st.cache_data(max_entries=2048, show_spinner=False)
def _attack_result(task: str, key: str, sha256: str, digest: str, attack: Pgd, _x: NDArray[np.float32]) -> AttackResult:
    return attack_result(model(task, key), torch.from_numpy(_x.copy()), attack)
