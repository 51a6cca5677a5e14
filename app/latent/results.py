"""What visitors of the Latent page share: generators, codes, strips of pictures and the report, bounded as in `cache`.

A position in latent space is told by text and numbers alone (`Place`), so that it is its own key.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.state import zoo
from app.state.pictures import ModelInput
from app.state.reports import cached_report
from core.data.tasks import Task
from core.latent import ribbons
from core.latent.codes import read_code, write_code
from core.latent.directions import (
    Direction,
    decay_direction,
    directions,
    moved,
    noise_direction,
    towards,
)
from core.latent.generator import ASSETS, Generator, load_generator, shipped
from core.latent.strips import DecodedRow, decode_row, interpolation, neighbours, relabelled
from core.models.zoo import ZooModel
from core.norms import rmse
from core.reports.form.report import Report, read_report
from core.reports.latent.report import Latent

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """A picture, and what the generator makes of it.

    Attributes:
        codes: its code as text, by the class that it is taken as (K).
        x: the picture (C, H, W), float32 in [0, 1].
        rebuilt: its reconstruction in each class (K, C, H, W).
        distances: root mean square between picture and reconstruction (K,), in [0, 1] pixel units.
    """

    codes: tuple[str, ...]
    x: Image
    rebuilt: Image
    distances: Image

    @property
    def proposed(self) -> int:
        """The class that rebuilds the picture best."""
        return int(self.distances.argmin())


@dataclass(frozen=True, slots=True)
class LatentPosition:
    """Where the visitor stands in latent space.

    Attributes:
        task: key of the task.
        generator: checksum of its generator's weights.
        code: the code that all sliders start from, as text.
        label: its class.
        way: the class that the class slider leads to.
        draw: which noise.
        count: how many leading directions have a slider; the others are class, decay and noise.
        at: where the sliders stand.
    """

    task: str
    generator: str
    code: str
    label: int
    way: int
    draw: int
    count: int
    at: tuple[float, ...]

    @property
    def labels(self) -> Tensor:
        """The class (1,)."""
        return torch.tensor([self.label])


def generators_folder() -> Path:
    """Where the generators lie: `ROBUSTSCOPE_GENERATORS`, or those that ship."""
    configured = os.environ.get("ROBUSTSCOPE_GENERATORS")
    return Path(configured).expanduser() if configured else ASSETS


def has_generator(task: str) -> bool:
    """Whether there is a generator of a task's pictures."""
    return shipped(task, generators_folder())


def generator(task: str) -> Generator:
    """The generator of a task, shared by everyone and never written to; read again when its card changes.

    Raises:
        ConfigError: there is none.
        InputError: its files are damaged.
    """
    folder = generators_folder()
    path = folder / f"{task}.json"
    return _generator(task, str(folder), path.stat().st_mtime_ns if path.exists() else 0)


@st.cache_resource(max_entries=6, show_spinner=False)
def _generator(task: str, folder: str, stamp: int) -> Generator:
    return load_generator(task, Path(folder))


def parse_code(task: str, text: str) -> Tensor:
    """The code (1, n) in a text from anyone.

    Raises:
        InputError: it is none of this task's generator; says why.
        ConfigError: there is no generator.
    """
    return read_code(text, generator(task).latent)


def reconstruction(task: Task, shown: ModelInput) -> Reconstruction:
    """A picture taken as each class of its task."""
    return _reconstruction(task.key, generator(task.key).card.sha256, shown.digest, shown.x)


@st.cache_data(max_entries=256, show_spinner=False)
def _reconstruction(task: str, sha256: str, digest: str, _x: Image) -> Reconstruction:
    made, x = generator(task), torch.from_numpy(_x.copy())
    labels = torch.arange(made.task.classes)
    every = x.expand(len(labels), -1, -1, -1)
    with torch.no_grad():
        texts = tuple(write_code(z[None]) for z in made.encode(every, labels))
        pictures = made.decode(torch.cat([read_code(text, made.latent) for text in texts]), labels)
    return Reconstruction(texts, _x[0], pictures.contiguous().numpy(), rmse(pictures - every).numpy())


def sample_code(task: str, seed: int) -> str:
    """A code drawn from the prior, as text."""
    made = generator(task)
    return write_code(made.sample(1, torch.Generator().manual_seed(seed)))


def directions_at(place: LatentPosition) -> tuple[Direction, ...]:
    """The sliders' directions at the code that all start from."""
    return _directions_at(place.task, place.generator, place.code, place.label, place.way, place.draw, place.count)


@st.cache_resource(max_entries=512, show_spinner=False)
def _directions_at(
    task: str, sha256: str, code: str, label: int, way: int, draw: int, count: int
) -> tuple[Direction, ...]:
    made, labels = generator(task), torch.tensor([label])
    z = read_code(code, made.latent)
    return (
        *_leading(task, sha256, code, label, count),
        *towards(made, z, labels, [way]),
        decay_direction(made.latent),
        noise_direction(made.latent, torch.Generator().manual_seed(draw)),
    )


@st.cache_resource(max_entries=512, show_spinner=False)
def _leading(task: str, sha256: str, code: str, label: int, count: int) -> tuple[Direction, ...]:
    made = generator(task)
    return directions(made, read_code(code, made.latent), torch.tensor([label]), min(count, made.latent))


def reset_position(place: LatentPosition) -> LatentPosition:
    """The place where all sliders start."""
    return replace(place, at=(0.0,) * len(place.at))


def code_at(place: LatentPosition) -> Tensor:
    """The code (1, n) at a place."""
    return moved(_start(place), directions_at(place), place.at)


def _start(place: LatentPosition) -> Tensor:
    return read_code(place.code, generator(place.task).latent)


def _stamps(task: str, keys: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, zoo.model(task, key).card.sha256) for key in keys)


def _networks(task: str, stamps: Sequence[tuple[str, str]]) -> list[ZooModel]:
    return [zoo.model(task, key) for key, _ in stamps]


def row_at(place: LatentPosition, keys: Sequence[str]) -> DecodedRow:
    """The one picture at a place; distances are to the start.

    Raises:
        InputError: a network's files are damaged, or it answers with values that are not finite.
    """
    return _row_at(place, _stamps(place.task, keys))


@st.cache_data(max_entries=2048, show_spinner=False)
def _row_at(place: LatentPosition, stamps: tuple[tuple[str, str], ...]) -> DecodedRow:
    classifiers = [model.fast for model in _networks(place.task, stamps)]
    return decode_row(generator(place.task), classifiers, code_at(place), place.labels, [0.0], _start(place))


def slider_row(place: LatentPosition, keys: Sequence[str], which: int) -> DecodedRow:
    """What the networks would answer along one slider, all others staying where they are; distances are to the start.

    Raises:
        InputError: a network's files are damaged, or it answers with values that are not finite.
    """
    at = (*place.at[:which], 0.0, *place.at[which + 1 :])  # where the slider itself stands makes no difference
    return _slider_row(replace(place, at=at), _stamps(place.task, keys), which)


@st.cache_data(max_entries=1024, show_spinner=False)
def _slider_row(place: LatentPosition, stamps: tuple[tuple[str, str], ...], which: int) -> DecodedRow:
    classifiers = [model.fast for model in _networks(place.task, stamps)]
    found = directions_at(place)
    return ribbons.ribbon(generator(place.task), classifiers, _start(place), place.labels, found, place.at, which)


def neighbours_of(place: LatentPosition, keys: Sequence[str], eps: float, count: int, seed: int) -> DecodedRow:
    """Random neighbours of the code at a place, by noise that keeps the prior.

    Raises:
        InputError: a network's files are damaged, or it answers with values that are not finite.
    """
    return _neighbours_of(place, _stamps(place.task, keys), eps, count, seed)


@st.cache_data(max_entries=256, show_spinner=False)
def _neighbours_of(
    place: LatentPosition, stamps: tuple[tuple[str, str], ...], eps: float, count: int, seed: int
) -> DecodedRow:
    classifiers = [model.fast for model in _networks(place.task, stamps)]
    rng = torch.Generator().manual_seed(seed)
    return neighbours(generator(place.task), classifiers, code_at(place), place.labels, eps, count, rng)


def relabelled_row(place: LatentPosition, keys: Sequence[str]) -> DecodedRow:
    """The code at a place, decoded as each class.

    Raises:
        InputError: a network's files are damaged, or it answers with values that are not finite.
    """
    return _relabelled_row(place, _stamps(place.task, keys))


@st.cache_data(max_entries=256, show_spinner=False)
def _relabelled_row(place: LatentPosition, stamps: tuple[tuple[str, str], ...]) -> DecodedRow:
    made, classifiers = generator(place.task), [model.fast for model in _networks(place.task, stamps)]
    return relabelled(made, classifiers, code_at(place), place.labels, made.task.classes)


def interpolation_row(
    place: LatentPosition, keys: Sequence[str], other: Reconstruction, label: int, steps: int
) -> DecodedRow:
    """The way from the code at a place to another picture's, taken as the class `label`.

    Raises:
        InputError: a network's files are damaged, or it answers with values that are not finite.
    """
    return _interpolation_row(place, _stamps(place.task, keys), other.codes[label], label, steps)


@st.cache_data(max_entries=256, show_spinner=False)
def _interpolation_row(
    place: LatentPosition, stamps: tuple[tuple[str, str], ...], code: str, label: int, steps: int
) -> DecodedRow:
    made, classifiers = generator(place.task), [model.fast for model in _networks(place.task, stamps)]
    ends = torch.cat([code_at(place), read_code(code, made.latent)])
    shares = [float(share) for share in np.linspace(0, 1, steps)]
    return interpolation(made, classifiers, ends, torch.tensor([place.label, label]), shares)


def report(task: str) -> Latent | None:
    """The report `latent` of a task, read again when its file changes; None while there is none.

    Raises:
        InputError: it is damaged.
    """
    return cached_report(task, "latent", Latent.read)


def readings(task: str) -> Report | None:
    """The report `latent-readings` of a task, likewise."""
    return cached_report(task, "latent-readings", read_report)
