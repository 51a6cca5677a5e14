"""Decision ribbons: what each classifier would answer, were one slider moved along its whole way."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from core.latent.decoder import Classifier, Decoder
from core.latent.directions import RANGES, Direction, moved_along
from core.latent.strips import DecodedRow, decode_row

POSITIONS = 33
"""Places of a ribbon: every quarter of a deviation on a straight slider."""


def places(direction: Direction, count: int = POSITIONS) -> list[float]:
    """Evenly spaced positions of a slider, from one end to the other."""
    return [float(t) for t in np.linspace(*RANGES[direction.kind], count)]


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
