"""What visitors of the Latent page share: rows of pictures and the report, each cache bounded.

A position is resolved once (`position.resolve`) and handed on; what is made of it is found again by its `key`.
"""

import numpy as np
import torch

from app.latent.position import ResolvedPosition
from app.state import device
from app.state.reconstructions import Reconstruction
from app.state.reports import cached_report
from app.state.result_cache import cached_result
from core.latent import ribbons
from core.latent.codes import read_code
from core.latent.strips import DecodedRow, class_row, decode_row, interpolation, neighbours
from core.reports.form.report import Report, read_report
from core.reports.latent.report import Latent


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
