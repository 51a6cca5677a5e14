"""Decision ribbons: what each classifier would answer, were one slider moved along its whole way."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InputError
from core.latent.decoder import Classifier, Decoder
from core.latent.directions import RANGES, Direction, moved_along
from core.latent.strips import DecodedRow, decode_row

POSITIONS = 33
"""Places of a ribbon: every quarter of a deviation on a straight slider."""
COARSE = 4
"""Places apart of those that every classifier is asked at."""
CHUNK = 66
"""Pictures that a classifier is asked about at once."""


def places(direction: Direction, count: int = POSITIONS) -> list[float]:
    """Evenly spaced positions of a slider, from one end to the other."""
    return [float(t) for t in np.linspace(*RANGES[direction.kind], count)]


@dataclass(frozen=True, slots=True, eq=False)
class Ribbon:
    """What one classifier answers along a slider.

    Attributes:
        positions: `places` (P,).
        x: the pictures at both ends (2, C, H, W), float32 in [0, 1].
        predicted: the class answered at each place (P,).
        asked: whether the classifier was asked there (P,), or else the places around it say so.
    """

    positions: NDArray[np.float32]
    x: NDArray[np.float32]
    predicted: NDArray[np.int64]
    asked: NDArray[np.bool_]


def ribbon(
    decoder: Decoder,
    classifiers: Sequence[Classifier],
    z: Tensor,
    labels: Tensor,
    ways: Sequence[Direction],
    at: Sequence[float],
    which: int,
) -> DecodedRow:
    """The strip along one slider, at `places`, while all others stay where they are; distances are to where all start.

    Args:
        decoder: codes to pictures.
        classifiers: pictures to logits.
        z: the code (1, n) that all sliders start from.
        labels: its class (1,).
        ways: the sliders.
        at: their positions.
        which: the slider that is moved; its own position makes no difference.

    Raises:
        ConfigError: not one finite position a slider.
        InputError: values that are not finite.
    """
    positions = places(ways[which])
    codes = moved_along(z, ways, at, which, positions)
    return decode_row(decoder, classifiers, codes, labels.expand(len(codes)), positions, z)


@torch.no_grad()
def ribbons(
    decoder: Decoder,
    z: Tensor,
    labels: Tensor,
    ways: Sequence[Direction],
    at: Sequence[float],
    asked: Sequence[tuple[int, Classifier]],
) -> list[Ribbon]:
    """The answers of `ribbon`, of several sliders and classifiers at once and for about half of the work.

    A classifier is asked at every `COARSE`th place first. Halfway between two places it is asked where their answers
    differ, or where another class could come up between them: where its distance to the answer, at both together, is
    less than it would change from one to the other if it changed as fast as anywhere on this slider so far. That is a
    guess and no bound: of 8,864 ribbons (eight sliders, 48 codes by 13 networks of CIFAR-10, 44 by 11 of Fashion-MNIST)
    five missed a class that showed at one place or two.

    Args:
        decoder: codes to pictures.
        z: the code (1, n) that all sliders start from.
        labels: its class (1,).
        ways: the sliders.
        at: their positions.
        asked: which slider is moved, and the classifier that is asked along it.

    Raises:
        ConfigError: not one finite position a slider.
        InputError: values that are not finite.
    """
    lines = [_Line(slider, classifier) for slider, classifier in asked]
    positions = [places(way) for way in ways]
    ends: dict[tuple[int, int], Tensor] = {}
    while open_lines := [line for line in lines if line.wanted]:
        spots = sorted({(line.slider, place) for line in open_lines for place in line.wanted})
        moves = [(slider, [positions[slider][place] for _, place in some]) for slider, some in groupby(spots, _slider)]
        every = torch.cat([moved_along(z, ways, at, slider, some) for slider, some in moves])
        codes, same = torch.unique(every, dim=0, return_inverse=True)  # where all stand is a place of each at rest
        x = decoder.decode(codes, labels.expand(len(codes)))
        where = dict(zip(spots, same.tolist(), strict=True))
        ends |= {spot: x[row] for spot, row in where.items() if spot[1] in (0, POSITIONS - 1)}
        for classifier in {id(line.classifier): line.classifier for line in open_lines}.values():
            mine = [line for line in open_lines if line.classifier is classifier]
            rows = sorted({where[line.slider, place] for line in mine for place in line.wanted})
            logits = torch.cat([classifier(part) for part in x[rows].split(CHUNK)]).float()
            if not bool(logits.isfinite().all()):
                raise InputError("these codes give answers that are not finite")
            said = dict(zip(rows, logits.cpu().numpy(), strict=True))
            for line in mine:
                line.told(np.stack([said[where[line.slider, place]] for place in line.wanted]))
    return [
        Ribbon(
            np.asarray(positions[line.slider], np.float32),
            torch.stack([ends[line.slider, 0], ends[line.slider, POSITIONS - 1]]).cpu().numpy(),
            *line.answers(),
        )
        for line in lines
    ]


def _slider(spot: tuple[int, int]) -> int:
    return spot[0]


class _Line:
    """What a classifier has said along a slider so far, and the places that it is to be asked at next."""

    def __init__(self, slider: int, classifier: Classifier) -> None:
        self.slider, self.classifier = slider, classifier
        self.wanted = [*range(0, POSITIONS, COARSE)]
        self._known = np.zeros(POSITIONS, bool)
        self._logits: NDArray[np.floating[Any]] = np.zeros((POSITIONS, 0), np.float32)

    def told(self, logits: NDArray[np.floating[Any]]) -> None:
        """Take the logits (., K) at the places that were wanted, and say what is wanted next."""
        if not self._known.any():
            self._logits = np.zeros((POSITIONS, logits.shape[1]), logits.dtype)
        self._logits[self.wanted], self._known[self.wanted] = logits, True
        spots = np.flatnonzero(self._known)
        known, apart = self._logits[spots], np.diff(spots)
        answers = known.argmax(1)
        answer, every = answers[:-1, None], np.arange(len(apart))[:, None]
        leads = known[every, answer] - known[:-1] + known[every + 1, answer] - known[1:]
        slopes = np.diff(known, axis=0) / apart[:, None]
        steepest = np.abs(slopes[:, answer[:, 0], None] - slopes[:, None]).max(0)
        close = (leads < steepest * apart[:, None]).any(1) | (answers[1:] != answers[:-1])
        self.wanted = ((spots[:-1] + spots[1:]) // 2)[close & (apart > 1)].tolist()

    def answers(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The class at each place (P,), and whether it was asked there (P,)."""
        spots = np.flatnonzero(self._known)
        before = spots[np.searchsorted(spots, np.arange(POSITIONS), side="right") - 1]
        return self._logits.argmax(1)[before], self._known
