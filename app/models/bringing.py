"""What adding a network of one's own computes: reading its file, trying it, keeping it; within the visitor's room."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from app.state import device, pictures, visitors
from app.state.tasks import Call
from app.state.uploads import UPLOAD
from core.data.galleries import photograph, photographs
from core.data.labelled_zip import read_labelled_zip
from core.data.tasks import Task
from core.data.tasks.own import forget_private, keep_private, own_task, write_task
from core.errors import InputError
from core.images import Picture, fit
from core.models.foreign.dry_run import TopAnswers, Variant, suspicion, top_answers, tried_variants
from core.models.foreign.fitting import Fit
from core.models.foreign.importing import Matched, built, keep, task_side
from core.models.foreign.index import fitting_networks
from core.models.foreign.reading import ForeignWeights, read_foreign
from core.models.zoo import Card
from core.progress import OnProgress, ShouldStop


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read, and the networks that its weights fit."""

    weights: ForeignWeights
    fits: tuple[Fit, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What a visitor says of the network that they add.

    Attributes:
        name: theirs for it.
        task: key of a task that is here; "" for one of their own.
        classes: names of the classes of their own task.
        preprocess: see `core.models.foreign.presets`.
        secret: key of their own task.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    preprocess: str
    secret: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a network answered before it was added.

    Attributes:
        titles: of the pictures.
        answers: for each picture.
        variants: ways to prepare pictures; the first is the one given.
        doubt: what speaks against the preprocessing; "" where nothing does.
        notes: on what was passed over of the pictures.
        class_names: of the task.
    """

    titles: tuple[str, ...]
    answers: tuple[TopAnswers, ...]
    variants: tuple[Variant, ...]
    doubt: str
    notes: tuple[str, ...]
    class_names: tuple[str, ...]


def reading(visitor: str, data: bytes, name: str) -> Call:
    """The work that reads an uploaded file in a process with limits; what it held before goes.

    Raises:
        InputError: the visitor has no room.
    """
    visitors.check_room(visitor, size=len(data))
    folder = visitors.incoming(visitor)
    drop(visitor)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)

    def read(on_progress: OnProgress, should_stop: ShouldStop) -> ReadFile:
        on_progress(0, 2)
        try:
            weights = read_foreign(path, folder / f"{name}.safetensors", should_stop)
        finally:
            path.unlink(missing_ok=True)
        on_progress(1, 2)
        return ReadFile(weights, () if weights.kind == "onnx" else tuple(fitting_networks(weights.shapes)))

    return read


def drop(visitor: str) -> None:
    """Forget what a visitor was about to add."""
    for path in visitors.incoming(visitor).glob("*"):
        path.unlink(missing_ok=True)


def task_of(order: Order, matched: Matched, known: Task | None) -> Task:
    """The task that an order means.

    Raises:
        ConfigError: names or sizes that can't be.
    """
    if known is not None:
        return known
    side = task_side(matched, order.preprocess)
    return own_task(order.secret, order.name, order.classes, matched.channels, side)


def trying(order: Order, matched: Matched, known: Task | None, archive: bytes, archive_name: str) -> Call:
    """The work that tries a network on photographs, the visitor's latest picture, and labelled pictures."""
    latest = pictures.latest_upload().removeprefix(UPLOAD)
    own: Picture | None = pictures.upload(latest)[0] if latest else None

    def run(on_progress: OnProgress, should_stop: ShouldStop) -> Trial:
        on_progress(0, 1)
        task = task_of(order, matched, known)
        if known is None:
            keep_private([task])
        try:
            return _trial(task, order, matched, own, (archive, archive_name), on_progress)
        finally:
            if known is None:
                forget_private(task.key)

    return run


def _trial(
    task: Task, order: Order, matched: Matched, own: Picture | None, archive: tuple[bytes, str], on_progress: OnProgress
) -> Trial:
    model = device.placed(built(matched, task, order.preprocess, "tried"))
    items = [(item.title, photograph(item.key.partition(":")[2])) for item in photographs(task)]
    items += [("Your latest picture", own)] if own is not None else []
    x = device.placed(torch.cat([fit(picture.pixels, task.shape, "crop", task.background) for _, picture in items]))
    answers = top_answers(model, x)
    data, name = archive
    notes: Sequence[str] = ()
    labels = None
    if data:
        labelled = read_labelled_zip(task, io.BytesIO(data), name, len(data))
        x, notes = labelled.pictures.on(device.device()).images(), labelled.notes
        labels = labelled.pictures.labels.tolist()
    tried = tried_variants(model, x, labels, on_progress)
    return Trial(
        tuple(title for title, _ in items), tuple(answers), tuple(tried), suspicion(tried),
        tuple(notes), task.class_names,
    )  # fmt: skip


def added(visitor: str, order: Order, matched: Matched, known: Task | None, key: str) -> Card:
    """Keep the network as the visitor's own, with its task where that is theirs, too; returns its card.

    Raises:
        CoreError: it can't be built, or there is no room.
    """
    visitors.check_room(visitor)
    task = task_of(order, matched, known)
    keep_private([task] if known is None else [])
    try:
        card = keep(
            built(matched, task, order.preprocess, key, "brought on the page Models"),
            visitors.models(visitor),
        )
        if known is None:
            write_task(task, visitors.root() / visitor)
    except InputError:
        if known is None:
            visitors.remove(visitor, task.key, key)
            forget_private(task.key)
        raise
    drop(visitor)
    return card


def file_there(weights: ForeignWeights) -> bool:
    """Whether what was read is still kept."""
    return Path(weights.path).exists()
