"""What visitors of the Latent page share: rows of pictures and the report, each cache bounded.

A position is resolved once (`position.resolve`) and handed on; what is made of it is found again by its `key`.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from app.latent.choice import AXES
from app.latent.position import LatentPosition, ResolvedPosition
from app.state import device
from app.state.bounded_store import SERVER, shared_store
from app.state.presence import owner, session_id
from app.state.reconstructions import Reconstruction
from app.state.reports import cached_report
from app.state.result_cache import cached_result
from core.latent import ribbons
from core.latent.codes import read_code
from core.latent.ribbons import Ribbon
from core.latent.strips import DecodedRow, class_row, decode_row, interpolation, neighbours
from core.reports.form.report import Report, read_report
from core.reports.latent.report import Latent

RIBBON_BYTES = 64 * 2**20
MIX, NOISE = AXES.index("mix"), AXES.index("noise")


@dataclass(frozen=True, slots=True, eq=False)
class SliderRibbons:
    """What the networks answer along one slider.

    Attributes:
        positions: the places (P,), rising.
        x: the pictures at both ends (2, C, H, W).
        predicted: the class that each network answers (M, P).
    """

    positions: NDArray[np.float32]
    x: NDArray[np.float32]
    predicted: NDArray[np.int64]


@cached_result
def row_at(here: ResolvedPosition) -> DecodedRow:
    """The one picture at a position; distances are to the start.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    return decode_row(here.decoder, here.classifiers, here.code, here.labels, [0.0], here.start)


def slider_ribbons(here: ResolvedPosition) -> list[SliderRibbons]:
    """What the networks answer along each slider, all others staying where they are.

    What is known of a slider and a network is not asked again: a move changes all other sliders' ribbons, another
    network adds its own, and another class or noise is asked about along its own slider.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    store, visitor = shared_store("ribbons", RIBBON_BYTES), owner() if session_id() else SERVER
    count, sliders = len(here.networks), range(len(here.directions))
    keys = {
        (which, number): (_known_by(here.place, which), which, here.networks[number])
        for which in sliders
        for number in range(count)
    }
    found: dict[tuple[int, int], Ribbon] = {}
    for pair, key in keys.items():
        if (known := store.get(key, visitor)) is not None:
            found[pair] = known
    if missing := tuple(pair for pair in keys if pair not in found):
        for pair, made in zip(missing, _ribbons(here, missing), strict=True):
            store.put(keys[pair], made, visitor)
            found[pair] = made
    return [
        SliderRibbons(
            found[which, 0].positions, found[which, 0].x,
            np.stack([found[which, number].predicted for number in range(count)]),
        )
        for which in sliders
    ]  # fmt: skip


@cached_result
def _ribbons(here: ResolvedPosition, asked: tuple[tuple[int, int], ...]) -> list[Ribbon]:
    """The ribbon of each pair of a slider and a network, both by number."""
    networks, at = here.classifiers, here.place.at
    pairs = [(which, networks[number]) for which, number in asked]
    return ribbons.ribbons(here.decoder, here.start, here.labels, here.directions, at, pairs)


def _without(place: LatentPosition, which: int) -> LatentPosition:
    """The position with one slider at rest: where that stands makes no difference along itself."""
    return replace(place, at=(*place.at[:which], 0.0, *place.at[which + 1 :]))


def _known_by(place: LatentPosition, which: int) -> LatentPosition:
    """What the ribbons of a slider hang on: not on where it stands, nor on the class or the noise of one at rest."""
    place = _without(place, which)
    if which != MIX and not place.at[MIX]:
        place = replace(place, way=0)
    return place if which == NOISE or place.at[NOISE] else replace(place, draw=0)


def slider_row(here: ResolvedPosition, which: int) -> DecodedRow:
    """The pictures and what the networks answer along one slider, all others staying where they are.

    Distances are to the start. Every network is asked at every place: what is scrubbed through, or taken away.

    Raises:
        InputError: a network answers with values that are not finite.
    """
    return _slider_row(here.at(*_without(here.place, which).at), which)


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
