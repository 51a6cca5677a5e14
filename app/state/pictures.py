"""Pictures that visitors choose, and what a task's networks get of them; bounded, keyed by names and digests.

Streamlit hashes large arrays from a sample only, so arrays are passed as `_x` beside a digest of our own.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from torch import Tensor

from app.state.bounded_store import shared_store
from app.state.choice import Choice
from app.state.presence import owner
from app.state.result_cache import cached_for_all, cached_result
from app.state.shared_uploads import SharedFile, shared_uploads
from app.state.uploads import MAX_BYTES, MAX_FILES_BYTES, UPLOAD, Uploads
from core.data.datasets import available, data_root
from core.data.galleries import TEST_IMAGES_OFFERED, Gallery, GalleryItem, gallery
from core.data.tasks import task_named
from core.decoding.window import AS_IT_CAME, NARROW, Window, bounds, share_used, windowed
from core.errors import DataMissingError, InputError
from core.images import Picture, decode, fit, to_png
from core.text import shorten

PREVIEW = 640  # longest side of the original as it is shown, in pixels

THUMBNAIL = 112

MOST_OPENED = 30  # test images behind those listed that a visit's menus hold
_OPENED = "pictures.opened"

UPLOADS, UPLOADED_FILES = "uploads", "uploaded files"  # stores


@dataclass(frozen=True, slots=True)
class Tones:
    """Which of a picture's values are shown, in its file's own unit.

    Attributes:
        deep: whether there are more than 256 of them.
        used: the share of its range, as it came, that the picture uses.
        came: the values that were black and white as it came.
        held: the smallest and the largest value.
        shown: the values that are black and white now.
    """

    deep: bool
    used: float
    came: tuple[float, float]
    held: tuple[float, float]
    shown: tuple[float, float]

    @property
    def narrow(self) -> bool:
        """Whether the picture uses little of its range."""
        return self.used < NARROW


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
        tones: of the original.
    """

    title: str
    source: str
    label: int | None
    notes: tuple[str, ...]
    original: bytes
    size: tuple[int, int]
    x: NDArray[np.float32]
    digest: str
    tones: Tones


def data_there(task: str) -> bool:
    """Whether a task's data set is on this machine."""
    try:
        _find_data(task, str(data_root()))
    except DataMissingError:
        return False
    return True


@st.cache_data(max_entries=16, ttl="10m", show_spinner=False)
def _find_data(task: str, root: str) -> None:
    """Open a data set, which takes a second or more where it is there: only what was found is remembered."""
    if not available(task_named(task), Path(root)):
        raise DataMissingError(f"{task} is not on this machine")


def uploads() -> Uploads:
    """The uploaded pictures of this server."""
    return Uploads(shared_store(UPLOADS, MAX_BYTES), shared_store(UPLOADED_FILES, MAX_FILES_BYTES))


def keep_upload(data: bytes, name: str = "") -> str:
    """The image key of an uploaded file, decoded and kept.

    Raises:
        InputError: the file is not a usable picture; says why.
    """
    digest = uploads().keep(decode(data), owner(), name)
    shared = shared_uploads()
    if shared:
        shared.put(owner(), digest, SharedFile(name, data))
    return UPLOAD + digest


def latest_upload() -> str:
    """The image key of this visitor's latest picture that is still kept; empty where there is none."""
    shared = shared_uploads()
    digest = uploads().latest(owner()) or (shared.latest(owner()) if shared else "")
    return UPLOAD + digest if digest else ""


def upload(digest: str) -> tuple[Picture, str]:
    """A picture of this visitor and its file's name, from this server's memory or from where servers share.

    Raises:
        InputError: it is no longer kept.
    """
    mine, shared = uploads(), shared_uploads()
    file = shared.get(owner(), digest) if shared and not mine.kept(digest, owner()) else None
    if file:
        with suppress(InputError):  # damaged since: it counts as gone
            mine.keep(decode(file.data), owner(), file.name)
    picture, name = mine.find(digest, owner()), mine.name(digest, owner())
    mine.keep(picture, owner(), name)  # the one looked at last is the one that comes back
    if shared:
        shared.note_use(owner(), digest)
    return picture, name


def items(task: str) -> Mapping[str, GalleryItem]:
    """What the gallery of a task offers, by key."""
    return gallery_of(task).items


def listed(task: str) -> dict[str, GalleryItem]:
    """What menus offer of a gallery, by key: what it lists, then the further test images that this visit opened."""
    return dict(items(task)) | {item.key: item for item in opened(task)}


def opened(task: str) -> list[GalleryItem]:
    """The test images of a task that this visit looked at and its gallery does not list, the latest first."""
    known = items(task)
    return [known[key] for key in st.session_state.get(_OPENED, {}).get(task, ()) if key in known]


def _note_opened(task: str, image: str) -> None:
    """Remember a picture that the gallery knows and does not list, such as one that the page Find found."""
    known = items(task)
    if image in known and image not in list(known):
        others = [item.key for item in opened(task) if item.key != image]
        kept: dict[str, list[str]] = st.session_state.setdefault(_OPENED, {})
        kept[task] = [image, *others][:MOST_OPENED]


def gallery_of(task: str) -> Gallery:
    """The gallery of a task, opened once; again after a while, for a data set may have come."""
    return _gallery(task, str(data_root()))


@st.cache_resource(max_entries=8, ttl="10m", show_spinner=False)
def _gallery(task: str, root: str) -> Gallery:
    return gallery(task_named(task), Path(root))


def searched_keys(task: str, tests: int = TEST_IMAGES_OFFERED) -> tuple[str, ...]:
    """The keys of a gallery, with so many of the test images, or as many as there are."""
    listed = items(task)
    further = (f"test:{index}" for index in range(TEST_IMAGES_OFFERED, tests)) if data_there(task) else ()
    return (*listed, *(key for key in further if key in listed))


def fitted_gallery(choice: Choice, tests: int = TEST_IMAGES_OFFERED) -> Iterator[tuple[GalleryItem, Tensor]]:
    """Each picture of the gallery as the networks get it (1, C, H, W), fitted as the choice has it.

    Made as they are asked for, and kept nowhere; with so many of the test images, or as many as there are.
    """
    task, found = task_named(choice.task), gallery_of(choice.task)
    for key in searched_keys(choice.task, tests):
        item = found.items[key]
        yield item, fit(found.picture(key).pixels, task.shape, choice.fit, task.background, choice.invert)


@st.cache_resource(max_entries=256, show_spinner=False)
def _picture(task: str, key: str, root: str) -> Picture:
    return _gallery(task, root).picture(key)


def thumbnail(task: str, key: str) -> bytes:
    """A gallery picture as a square PNG."""
    return _thumbnail(task, key, str(data_root()))


@cached_for_all
def _thumbnail(task: str, key: str, root: str) -> bytes:
    return to_png(fit(_picture(task, key, root).pixels, (3, THUMBNAIL, THUMBNAIL))[0])


def model_input(task: str, image: str, mode: str, invert: bool, window: Window = AS_IT_CAME) -> ModelInput:
    """The picture with this image key, fitted to a task.

    Raises:
        InputError: the gallery has no such picture, or the upload is no longer kept.
    """
    if image.startswith(UPLOAD):
        picture, name = upload(image.removeprefix(UPLOAD))
        title = f"Your picture {shorten(name)}".strip()
        where = "kept for an hour after your visit" if shared_uploads() else "kept in this server's memory only"
        item = GalleryItem(image, title, None, where)
        return _model_input(task, image, mode, invert, title, window, item, picture)
    found, item = _picture(task, image, str(data_root())), items(task)[image]
    return _model_input(task, image, mode, invert, item.title, window, item, found)


@cached_result
def _model_input(
    task: str, image: str, mode: str, invert: bool, title: str, window: Window, _item: GalleryItem, _of: Picture
) -> ModelInput:
    problem, shown, tones = task_named(task), windowed(_of, window), _tones(_of, window)
    pixels, notes = shown.pixels, shown.notes
    if tones.narrow and window == AS_IT_CAME:
        (black, white), (low, high) = tones.came, tones.held
        told = f"It uses {tones.used:.1%} of its range: the values from {low:g} to {high:g} of {black:g} to {white:g}."
        notes = (*notes, told.replace("%", " %"))
    x = fit(pixels, problem.shape, "letterbox" if mode == "letterbox" else "crop", problem.background, invert).numpy()
    digest = hashlib.blake2b(x.tobytes(), digest_size=16).hexdigest()
    size = (_of.width, _of.height)
    return ModelInput(_item.title, _item.source, _item.label, notes, _preview(pixels), size, x, digest, tones)


def chosen(choice: Choice) -> ModelInput:
    """The picture of a view, as the view has it; the gallery's menus offer it from now on.

    Raises:
        InputError: as `model_input`.
    """
    _note_opened(choice.task, choice.image)
    return model_input(choice.task, choice.image, choice.fit, choice.invert, choice.window)


def _tones(of: Picture, window: Window) -> Tones:
    held = bounds(of, Window("stretch"))
    return Tones(of.levels is not None, share_used(of), bounds(of, AS_IT_CAME), held, bounds(of, window))


def _preview(pixels: NDArray[np.uint8]) -> bytes:
    """The original as PNG: shrunk with care when large, enlarged pixel by pixel when tiny."""
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest <= PREVIEW:
        return to_png(pixels, max(1, PREVIEW // (2 * longest)))
    shape = (3, max(1, round(height * PREVIEW / longest)), max(1, round(width * PREVIEW / longest)))
    return to_png(fit(pixels, shape)[0])
