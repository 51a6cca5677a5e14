"""Networks' own features of many pictures, computed beside the page: the gallery's, unfamiliar ones, normal ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from app.anomaly import results
from app.state import device, pictures, zoo
from app.state.choice import Choice
from app.state.durations import duration, seconds_an_answer
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.result_cache import cached_result
from app.state.tasks import Call
from app.ui.task_progress import LongTask
from core.data.outliers import OUTLIERS, load_outliers
from core.data.tasks import Task, task_named
from core.errors import ConfigError, DataMissingError
from core.explanations.network_features import STEPS, PulledPicture, attacked_features, pooled_features, pulled_picture
from core.models.pooled import as_pooled
from core.models.step_precision import Precision
from core.progress import OnProgress, ShouldStop

OF_A_SET = 4  # unfamiliar pictures of each set
AT_ONCE = 40  # pictures up to which attacks on all begin by themselves


@dataclass(frozen=True, slots=True, eq=False)
class FeaturedPictures:
    """Pictures, and what networks make of them.

    Attributes:
        keys: by which a picture is opened; "" where it can't be.
        titles: for people.
        labels: true classes (n,), -1 where unknown or none of the task's.
        levels: what the networks get, uint8 (n, C, H, W).
        features: by network (n, D), float32.
        answers: by network (n,).
    """

    keys: tuple[str, ...]
    titles: tuple[str, ...]
    labels: NDArray[np.int64]
    levels: NDArray[np.uint8]
    features: dict[str, NDArray[np.float32]]
    answers: dict[str, NDArray[np.int64]]

    @property
    def familiar(self) -> NDArray[np.bool_]:
        """Which pictures are the gallery's own (n,)."""
        return np.array([bool(key) for key in self.keys])


@dataclass(frozen=True, slots=True, eq=False)
class AttackedPictures:
    """What networks make of the gallery's pictures once each is attacked, in the order of the gallery.

    Attributes:
        features: by network (n, D), float32.
        answers: by network (n,).
    """

    features: dict[str, NDArray[np.float32]]
    answers: dict[str, NDArray[np.int64]]


def with_features(task: Task, models: Sequence[str]) -> list[str]:
    """The networks that name their features; a sentence for each that does not."""
    found = []
    for key in models:
        try:
            as_pooled(zoo.model(task.key, key).fast)
        except ConfigError as error:
            st.caption(f"{model_name(key)} is left out: {error}.")
            continue
        found.append(key)
    return found


def of_gallery(choice: Choice, models: Sequence[str], place: str) -> LongTask:
    """The features of the gallery's pictures and of some unfamiliar ones; `place` is where on the page it is asked."""
    named = tuple(pictures.items(choice.task))
    return _featuring(choice, models, place, ("gallery", choice.fit, choice.invert, named), partial(_gallery, choice))


def of_calibration(choice: Choice, models: Sequence[str]) -> LongTask:
    """The features of the data set's normal pictures, which no network was trained on."""
    return _featuring(choice, models, "near", ("calibration", results.NORMALS), partial(_calibration, choice.task))


def of_attacked(choice: Choice, models: Sequence[str]) -> LongTask:
    """The features of the gallery's pictures once attacked; of few it begins by itself."""
    task, named = task_named(choice.task), tuple(pictures.items(choice.task))
    known = tuple((key, zoo.cards_of(choice.task)[key].sha256) for key in models)
    passes = 3 * STEPS * len(named)  # a gradient costs about three answers
    seconds = sum(passes * seconds_an_answer(choice.task, *each) for each in known)
    return LongTask(
        "anomaly.features.attacked",
        ("attacked features", choice.task, known, choice.fit, choice.invert, named, device.step_precision()),
        partial(_attack_call, choice, models, task.radii["linf"]),
        f"Each network's answers to {len(named):,} pictures are attacked, for an arrow each: {duration(seconds)}.",
        "Attack them all",
        ":material/near_me:",
        lambda work: f"Picture {work.done:,} of {work.of:,} attacked" if work.of else "Pictures are read",
        automatic=len(named) <= AT_ONCE,
    )


def _attack_call(choice: Choice, models: Sequence[str], epsilon: float) -> Call:
    loaded = [zoo.model(choice.task, key) for key in models]

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> AttackedPictures:
        on_progress(0, 0)
        x = device.placed(torch.cat([x for _, x in pictures.fitted_gallery(choice)]))
        found = {
            model.card.key: attacked_features(
                device.placed(model),
                x,
                epsilon,
                partial(_told, on_progress, number * len(x), len(loaded) * len(x)),
                precision=device.step_precision(),
            )
            for number, model in enumerate(loaded)
        }
        return AttackedPictures(
            {key: features for key, (features, _) in found.items()}, {key: after for key, (_, after) in found.items()}
        )

    return call


def _told(on_progress: OnProgress, before: int, of: int, done: int) -> None:
    """One network's progress among all."""
    on_progress(before + done, of)


def _featuring(
    choice: Choice, models: Sequence[str], place: str, source: tuple[object, ...], read: "partial[Iterator[_Picture]]"
) -> LongTask:
    known = tuple((key, zoo.cards_of(choice.task)[key].sha256) for key in models)
    return LongTask(
        f"anomaly.features.{place}",
        ("features", choice.task, known, *source),
        lambda: _call(choice.task, models, read),
        "Each network is asked for its features of these pictures.",
        "Ask for features",
        ":material/hub:",
        lambda work: f"Features of picture {work.done:,} of {work.of:,}" if work.of else "Pictures are read",
        automatic=True,
    )


@dataclass(frozen=True, slots=True)
class _Picture:
    key: str
    title: str
    label: int
    x: torch.Tensor


def _call(task: str, models: Sequence[str], read: "partial[Iterator[_Picture]]") -> Call:
    loaded = [zoo.model(task, key) for key in models]

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> FeaturedPictures:
        on_progress(0, 0)
        found = list(read())
        x = device.placed(torch.cat([one.x for one in found]))
        features, answers = {}, {}
        for number, model in enumerate(loaded):
            told = partial(_told, on_progress, number * len(x), len(loaded) * len(x))
            features[model.card.key], answers[model.card.key] = pooled_features(device.placed(model), x, told)
        return FeaturedPictures(
            tuple(one.key for one in found),
            tuple(one.title for one in found),
            np.array([one.label for one in found]),
            (x * 255).round().to(torch.uint8).cpu().numpy(),
            features,
            answers,
        )

    return call


def _gallery(choice: Choice) -> Iterator[_Picture]:
    for item, x in pictures.fitted_gallery(choice):
        yield _Picture(item.key, item.title, -1 if item.label is None else item.label, x)
    for each in OUTLIERS.get(choice.task, ()):
        if each.kind == "control":
            continue
        try:
            found = load_outliers(task_named(choice.task), each.key, OF_A_SET)
        except DataMissingError:
            continue
        for index in range(len(found)):
            yield _Picture("", each.key, -1, found.images(index, index + 1))


def _calibration(task: str) -> Iterator[_Picture]:
    found = results.normal_images(task)
    if found is None:
        raise DataMissingError(f"the data set of {task_named(task).title} is not on this machine any more")
    names = task_named(task).class_names
    for index in range(len(found)):
        label = int(found.labels[index])
        yield _Picture("", names[label], label, found.images(index, index + 1))


def pulled(task: Task, key: str, shown: ModelInput) -> PulledPicture:
    """The picture's features in a network, and those of its attacked form at the reported radius."""
    sha256, epsilon = zoo.model(task.key, key).card.sha256, task.radii["linf"]
    return _pulled(task.key, key, sha256, shown.digest, epsilon, device.step_precision(), shown.x)


@cached_result
def _pulled(
    task: str, key: str, sha256: str, digest: str, epsilon: float, precision: Precision, _x: NDArray[np.float32]
) -> PulledPicture:
    return pulled_picture(zoo.model(task, key), device.picture(_x), epsilon, precision=precision)
