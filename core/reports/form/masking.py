"""Signs that a network hides its gradient instead of being robust, from what each attack left standing."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.metrics.intervals import bootstrap, newcombe, wilson

MaskingStanding = NDArray[np.bool_]

ZERO = 2.0**-23
"""An input gradient of cross-entropy of at most this size is numerically zero: float32's spacing of numbers near 1."""
ZERO_SHARE = 0.1
"""More images than this share with a zero gradient raise the flag."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the flags rest on, for one network and norm; arrays per image in one order, the first of the test images.

    Attributes:
        pgd: right under PGD at the task's radius, bool (n,).
        single_step: right under one step of the same length, bool (n,).
        far: right under PGD at the radius within which every image can be made plain grey, bool (n,).
        guess: the share that a constant answer gets right at most.
        gradient_norm: L2 norm of the input gradient of cross-entropy with the true label (n,).
        transfer: right on the images that PGD made against each other network, bool (m,), m <= n; empty without others.
        square: right under Square attack at the task's radius, bool (n,); empty where it was not run.
    """

    pgd: MaskingStanding
    single_step: MaskingStanding
    far: MaskingStanding
    guess: float
    gradient_norm: NDArray[np.float32]
    transfer: dict[str, MaskingStanding]
    square: MaskingStanding = field(default_factory=lambda: np.zeros(0, bool))


def zero_gradients(gradient_norm: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which images have an input gradient that is numerically zero (n,); one that is no number counts, too."""
    return ~(gradient_norm > ZERO)


def hides_gradient(gradient_norm: NDArray[np.floating]) -> bool:
    """Whether so many images (n,) have no gradient that an attack on cross-entropy has nothing to follow."""
    return bool(zero_gradients(gradient_norm).mean() > ZERO_SHARE)


def best_source(transfer: dict[str, MaskingStanding]) -> str:
    """The network whose images break most; the first of equals, "" without any."""
    return min(transfer, key=lambda source: float(transfer[source].mean()), default="")


def masking_flags(evidence: Evidence) -> tuple[str, ...]:
    """The flags raised (after Athalye, Carlini, Wagner 2018, arXiv:1802.00420, Sec. 3.1), in this order.

    - `single-step`: one step breaks more images than PGD, which may take many: their paired difference is above zero at
      95 %.
    - `zero-gradient`: more than 10 % of the images have an input gradient that is numerically zero, so that an attack
      on cross-entropy has nothing to follow.
    - `larger-epsilon`: PGD leaves more images standing than a constant answer could get right (Wilson, 95 %), at a
      radius within which all images can be made the same plain grey.
    - `transfer`: images made against another network break more than PGD on the network itself, on the same images
      (paired, 95 %; the best of all sources is taken, so that with many sources chance alone raises it more often).
    - `black-box`: Square attack, which sees no gradient, breaks more images than PGD (paired, 95 %).
    """
    flags = []
    if paired_shares(evidence.pgd, evidence.single_step)[1] > 0:
        flags.append("single-step")
    if hides_gradient(evidence.gradient_norm):
        flags.append("zero-gradient")
    if wilson(int(evidence.far.sum()), len(evidence.far))[0] > evidence.guess:
        flags.append("larger-epsilon")
    source = best_source(evidence.transfer)
    if source:
        standing = evidence.transfer[source]
        if paired_shares(evidence.pgd[: len(standing)], standing)[1] > 0:
            flags.append("transfer")
    if len(evidence.square) and black_box_wins(evidence.pgd, evidence.square):
        flags.append("black-box")
    return tuple(flags)


def black_box_wins(pgd: MaskingStanding, square: MaskingStanding) -> bool:
    """Whether an attack that sees no gradient breaks more of the same images (n,) than PGD: paired, at 95 %."""
    return paired_shares(pgd, square)[1] > 0


def paired_difference(one: NDArray[Any], other: NDArray[Any]) -> tuple[float, float, float]:
    """Mean difference of two figures on the same images (n,), `one - other`, with its 95 % bootstrap interval."""
    differences = one.astype(np.float64) - other.astype(np.float64)
    return float(differences.mean()), *bootstrap(differences, lambda drawn: float(drawn.mean()))


def paired_shares(one: NDArray[Any], other: NDArray[Any]) -> tuple[float, float, float]:
    """As `paired`, of values in [0, 1]: Newcombe's interval for hits (0 or 1), the bootstrap's for shares between.

    Where all images differ alike, a bootstrap has no width. It then gets that of a share that none of n images has.
    """
    pairs = np.stack([one, other]).astype(np.float64)
    difference = float((pairs[0] - pairs[1]).mean())
    if np.isin(pairs, (0.0, 1.0)).all():
        first, second = pairs.astype(bool)
        counts = ((first & second).sum(), (first & ~second).sum(), (~first & second).sum(), (~first & ~second).sum())
        return difference, *newcombe(*map(int, counts))
    if np.ptp(pairs[0] - pairs[1]) == 0:
        width = wilson(0, len(one))[1]
        return difference, max(difference - width, -1.0), min(difference + width, 1.0)
    return paired_difference(one, other)
