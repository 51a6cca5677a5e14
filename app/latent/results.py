"""What visitors of the Latent page share: reconstructions, rows of pictures and the report, each cache bounded.

A position is resolved once (`position.resolve`) and handed on; what is made of it is found again by its `key`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from app.latent.autoencoders import autoencoder
from app.latent.position import ResolvedPosition
from app.state import device
from app.state.pictures import ModelInput
from app.state.reports import cached_report
from app.state.result_cache import cached_result
from core.data.tasks import Task
from core.latent import ribbons
from core.latent.codes import read_code, write_code
from core.latent.strips import DecodedRow, class_row, decode_row, interpolation, neighbours
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
    def proposal(self) -> int:
        """The class that rebuilds the picture best."""
        return int(self.distances.argmin())


def reconstruction(task: Task, shown: ModelInput) -> Reconstruction:
    """A picture taken as each class of its task."""
    return _reconstruction(task.key, autoencoder(task.key).card.sha256, shown.digest, shown.x)


@cached_result
def _reconstruction(task: str, sha256: str, digest: str, _x: Image) -> Reconstruction:
    made, x = autoencoder(task), device.picture(_x)
    labels = torch.arange(made.task.classes, device=x.device)
    every = x.expand(len(labels), -1, -1, -1)
    with torch.no_grad():
        texts = tuple(write_code(z[None]) for z in made.encode(every, labels))
        pictures = made.decode(torch.cat([read_code(text, made.latent) for text in texts]).to(x.device), labels)
    return Reconstruction(texts, _x[0], pictures.contiguous().cpu().numpy(), rmse(pictures - every).cpu().numpy())


@cached_result
def row_at(here: ResolvedPosition) -> DecodedRow:
    """The one picture at a position; distances are to the start.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    return decode_row(here.decoder, here.classifiers, here.code, here.labels, [0.0], here.start)


def slider_row(here: ResolvedPosition, which: int) -> DecodedRow:
    """What the networks would answer along one slider, all others staying where they are; distances are to the start.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    at = here.place.at
    here = here.at(*at[:which], 0.0, *at[which + 1 :])  # where the slider itself stands makes no difference
    return _slider_row(here, which)


@cached_result
def _slider_row(here: ResolvedPosition, which: int) -> DecodedRow:
    start, labels, at = here.start, here.labels, here.place.at
    return ribbons.ribbon(here.decoder, here.classifiers, start, labels, here.directions, at, which)


@cached_result
def neighbours_of(here: ResolvedPosition, epsilon: float, count: int, seed: int) -> DecodedRow:
    """Random neighbours of the code at a position, by noise that keeps the prior.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    noise = torch.Generator().manual_seed(seed)
    return neighbours(here.decoder, here.classifiers, here.code, here.labels, epsilon, count, noise)


@cached_result
def relabelled_row(here: ResolvedPosition) -> DecodedRow:
    """The code at a position, decoded as each class.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    return class_row(here.decoder, here.classifiers, here.code, here.labels, here.decoder.task.classes)


def interpolation_row(here: ResolvedPosition, other: Reconstruction, label: int, steps: int) -> DecodedRow:
    """The way from the code at a position to another picture's, taken as the class `label`.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    return _interpolation_row(here, other.codes[label], label, steps)


@cached_result
def _interpolation_row(here: ResolvedPosition, code: str, label: int, steps: int) -> DecodedRow:
    ends = torch.cat([here.code, device.placed(read_code(code, here.decoder.latent))])
    labels = torch.tensor([here.place.label, label], device=ends.device)
    shares = [float(share) for share in np.linspace(0, 1, steps)]
    return interpolation(here.decoder, here.classifiers, ends, labels, shares)


def report(task: str) -> Latent | None:
    """The report `latent` of a task, read again when its file changes; None while there is none.

    Raises:
        InputError: it is damaged.
    """
    return cached_report(task, "latent", Latent.read)


def readings(task: str) -> Report | None:
    """The report `latent-readings` of a task, likewise."""
    return cached_report(task, "latent-readings", read_report)
