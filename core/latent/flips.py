"""Where each classifier's answer first turns along sliders: the position nearest to rest of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.latent.decoder import Classifier, Decoder
from core.latent.directions import Direction
from core.latent.ribbons import ribbon


@dataclass(frozen=True, slots=True, eq=False)
class Flip:
    """The nearest place of a ribbon at which a classifier answers otherwise than with all sliders at rest.

    Attributes:
        slider: which one is moved, counted from 0.
        position: how far, in its unit.
        x: the picture there (C, H, W).
        answer: the class answered there.
        share: its probability, in [0, 1].
    """

    slider: int
    position: float
    x: NDArray[np.float32]
    answer: int
    share: float


def nearest_flips(
    decoder: Decoder, classifiers: Sequence[Classifier], z: Tensor, labels: Tensor, ways: Sequence[Direction]
) -> list[Flip | None]:
    """By classifier the nearest flip among the ribbons of `ways`, one slider moved at a time; None where none turns it.

    Positions are those of a ribbon, so that a flip lies at most a step before; of equally near ones the first counts.
    Errors as for `ribbon`.
    """
    nearest: list[Flip | None] = [None] * len(classifiers)
    for slider in range(len(ways)):
        row = ribbon(decoder, classifiers, z, labels, ways, [0.0] * len(ways), slider)
        rest = int(np.abs(row.positions).argmin())
        for number, answers in enumerate(row.predicted):
            turned = np.flatnonzero(answers != answers[rest])
            if not len(turned):
                continue
            at = turned[np.abs(row.positions[turned]).argmin()]
            known, position = nearest[number], float(row.positions[at])
            if known is None or abs(position) < abs(known.position):
                share = float(row.probs[number, at, answers[at]])
                nearest[number] = Flip(slider, position, row.x[at], int(answers[at]), share)
    return nearest
