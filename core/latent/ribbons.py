"""Decision ribbons: what each classifier would answer, were one slider moved along its whole way."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch import Tensor

from core.latent.decoder import Classifier, Decoder
from core.latent.directions import RANGES, Direction, moved, moved_along
from core.latent.strips import Strip, strip

POSITIONS = 33
"""Places of a ribbon: every quarter of a deviation on a straight slider."""


def places(direction: Direction, count: int = POSITIONS) -> list[float]:
    """Evenly spaced positions of a slider, from one end to the other."""
    return [float(t) for t in np.linspace(*RANGES[direction.kind], count)]


def ribbon(
    generator: Decoder,
    classifiers: Sequence[Classifier],
    z: Tensor,
    labels: Tensor,
    direction: Direction,
    positions: Sequence[float],
) -> Strip:
    """The strip along one direction from a code (1, n) of a class (1,): probabilities (M, P, K), answers, pictures.

    Raises:
        ConfigError: a position that is not finite.
        InputError: no positions, or values that are not finite.
    """
    codes = moved_along(z, [direction], [0.0], 0, positions)
    return strip(generator, classifiers, codes, labels.expand(len(codes)), positions, z)


def ribbons(
    generator: Decoder,
    classifiers: Sequence[Classifier],
    z: Tensor,
    labels: Tensor,
    ways: Sequence[Direction],
    at: Sequence[float],
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Strip]:
    """For each slider in turn the strip along it, all others staying where they are; distances are to where all are.

    Args:
        generator: codes to pictures.
        classifiers: pictures to logits.
        z: the code (1, n) that all sliders start from.
        labels: its class (1,).
        ways: the sliders.
        at: their positions.
        should_stop: asked before each; True ends them.

    Raises:
        ConfigError: not one finite position a slider.
        InputError: values that are not finite.
    """
    here = moved(z, ways, at)
    for which, way in enumerate(ways):
        if should_stop():
            return
        positions = places(way)
        codes = moved_along(z, ways, at, which, positions)
        yield strip(generator, classifiers, codes, labels.expand(len(codes)), positions, here)
