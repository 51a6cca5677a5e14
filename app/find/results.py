"""The pictures that are searched, measured beside the page."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile
from torch import Tensor

from app.find.choice import COUNTS
from app.state import device, judgements, pictures, zoo
from app.state.choice import Choice
from app.state.durations import duration
from app.state.epsilon_scale import radius_text
from app.state.names import model_name
from app.ui.picture_files import count_files, incoming
from app.ui.task_progress import LongTask
from core.anomaly.calibration import Calibration
from core.data.tasks import Task, task_named
from core.errors import InputError
from core.explanations.picture_facts import FactSettings, Flags, PictureFacts, measure_pictures
from core.explanations.picture_rules import PictureRule
from core.images import decode, fit
from core.models.zoo import ZooModel
from core.progress import OnProgress, ShouldStop

MOST = 500  # pictures of a visitor's own
TIMED = 4  # pictures from which the time of many is told
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)  # of the reported radius: 0.5 to 8/255 for CIFAR-10


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPictures:
    """Pictures and what came out for them.

    Attributes:
        facts: a picture's key is that of the gallery, or its place among the visitor's files.
        titles: for people, by picture.
        levels: what the networks get, uint8 (n, C, H, W).
        refused: files that could not be read, each with its reason.
    """

    facts: PictureFacts
    titles: tuple[str, ...]
    levels: NDArray[np.uint8]
    refused: tuple[str, ...]


def settings_of(task: Task, attacked: bool) -> FactSettings:
    """How pictures of a task are measured, with attacks or without."""
    radii = tuple(share * task.radii["linf"] for share in SHARES)
    return FactSettings(radii, precision=device.step_precision()) if attacked else FactSettings()


def changed_words(task: Task, radius: float) -> str:
    """What PGD came to; "" where it was not asked."""
    if np.isnan(radius):
        return ""
    if np.isfinite(radius):
        return f"changed at {radius_text('linf', radius)}"
    return f"not changed up to {radius_text('linf', settings_of(task, True).epsilons[-1])}"


def measuring(
    choice: Choice, files: Sequence[UploadedFile] | None, rule: PictureRule, tests: int = COUNTS[0]
) -> LongTask:
    """The measuring of the gallery's pictures, or of a visitor's files, for a rule.

    Attacks and detectors, which take the most, are asked where the rule asks for them. More test images than the
    gallery lists are measured once they are asked for.
    """
    task, attacked, screened = task_named(choice.task), rule.attacked, choice.models if rule.flags else ()
    models = [zoo.model(task.key, key) for key in choice.models]
    screens = {key: screen for key in screened if (screen := judgements.calibration_of(task.key, key))}
    known = tuple((model.card.key, model.card.sha256) for model in models)
    calibrated = tuple((key, screen.digest) for key, screen in screens.items())
    gallery = pictures.searched_keys(task.key, tests) if files is None else ()
    of = len(gallery) if files is None else count_files(files, MOST)
    named = gallery if files is None else tuple(file.file_id for file in files)

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> MeasuredPictures:
        on_progress(0, of)
        notes, loaded = _Notes([], [], []), [device.placed(model) for model in models]
        source = _of_gallery(choice, tests, notes) if files is None else _of_files(choice, files, notes)
        settings, flags = settings_of(task, attacked), _flags(loaded, screens)
        facts = measure_pictures(loaded, flags, source, settings, lambda done: on_progress(done, max(done, of)))
        return MeasuredPictures(facts, tuple(notes.titles), np.stack(notes.levels), tuple(notes.refused))

    names = ", ".join(f"**{model_name(key)}**" for key in choice.models)
    also = ", detectors" * rule.flags + f", PGD at {len(SHARES)} radii" * attacked
    at_once = files is None and tests == COUNTS[0]
    takes = "" if at_once else f" It takes {duration(of * seconds_a_picture(task.key, known, calibrated, attacked))}."
    return LongTask(
        "find.pictures",
        ("find", task.key, settings_of(task, attacked), known, calibrated, choice.fit, choice.invert, named),
        lambda: call,
        f"{of:,} pictures for {names}: answers, maps{also}." + takes,
        "Measure them",
        ":material/search:",
        lambda work: f"Picture {work.done:,} of about {work.of:,}" if work.of else "Begun",
        automatic=at_once,
    )


@st.cache_data(max_entries=64, show_spinner=False)
def seconds_a_picture(
    task: str, known: Sequence[tuple[str, str]], calibrated: Sequence[tuple[str, str]], attacked: bool
) -> float:
    """What the measuring of one among many pictures takes here, in seconds: some grey ones are measured."""
    models = [device.placed(zoo.model(task, key)) for key, _ in known]
    screens = {key: screen for key, _ in calibrated if (screen := judgements.calibration_of(task, key)) is not None}
    flags = _flags(models, screens)
    grey = torch.full((1, *task_named(task).shape), 0.5)
    source = [(str(place), -1, device.placed(grey)) for place in range(TIMED)]
    began = time.perf_counter()
    device.bounded(partial(measure_pictures, models, flags, source, settings_of(task_named(task), attacked)))
    return (time.perf_counter() - began) / TIMED


def _flags(models: Sequence[ZooModel], screens: Mapping[str, Calibration]) -> dict[str, Flags]:
    """By calibrated network what tells the share of its detectors that flag pictures."""
    return {
        model.card.key: partial(screens[model.card.key].share_flagged, model, alpha=judgements.ALPHA)
        for model in models
        if model.card.key in screens
    }


@dataclass(frozen=True, slots=True)
class _Notes:
    """What is kept of pictures as they go by."""

    titles: list[str]
    levels: list[NDArray[np.uint8]]
    refused: list[str]

    def keep(self, title: str, x: Tensor) -> None:
        self.titles.append(title)
        self.levels.append((x[0] * 255).round().to(torch.uint8).numpy())


def _of_gallery(choice: Choice, tests: int, notes: _Notes) -> Iterator[tuple[str, int, Tensor]]:
    for item, x in pictures.fitted_gallery(choice, tests):
        notes.keep(item.title, x)
        yield item.key, -1 if item.label is None else item.label, device.placed(x)


def _of_files(choice: Choice, files: Sequence[UploadedFile], notes: _Notes) -> Iterator[tuple[str, int, Tensor]]:
    task = task_named(choice.task)
    for place, file in enumerate(incoming(files)):
        if len(notes.titles) == MOST:
            notes.refused.append(f"Only the first {MOST} pictures are measured.")
            return
        try:
            if file.error:
                raise InputError(file.error)
            x = fit(decode(file.data).pixels, task.shape, choice.fit, task.background, choice.invert)
        except InputError as error:
            notes.refused.append(f"{file.path}: {error}")
            continue
        notes.keep(file.path, x)
        yield str(place), -1, device.placed(x)
