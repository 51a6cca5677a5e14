"""How alike two maps are, by order, direction, structure, or by their highest places."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from skimage.metrics import structural_similarity

from core.errors import ConfigError, InputError

Map = NDArray[np.floating[Any]]
Agreement = Callable[[Map, Map], float]

TOP = 0.1
"""The share of places that counts as the highest."""
WINDOW = 7
"""Side of SSIM's window, in pixels; scikit-image's default."""


def spearman(one: Map, other: Map) -> float:
    """Spearman's rank correlation in [-1, 1] of two maps of one shape; NaN where one is constant."""
    _check(one, other)
    return _correlation(rankdata(one.ravel()), rankdata(other.ravel()))


def cosine(one: Map, other: Map) -> float:
    """The cosine in [-1, 1] of the angle between two maps of one shape; NaN where one is zero."""
    _check(one, other)
    first, second = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    length = np.linalg.norm(first) * np.linalg.norm(second)
    return float(first @ second / length) if length > 0 else float("nan")


def ssim(one: Map, other: Map) -> float:
    """Structural similarity in [-1, 1] of two maps (H, W); NaN where one is zero.

    Wang et al. 2004 (IEEE TIP 13:600), through scikit-image with its uniform window of 7x7 pixels (less on a smaller
    map). Each map is divided by its largest absolute value first, so that scale does not count; the range is then 2.
    """
    _check(one, other)
    sizes = np.abs(one).max(), np.abs(other).max()
    if one.ndim != 2 or min(one.shape) < 3:
        raise InputError(f"SSIM takes maps (H, W) of at least 3x3 places; got {one.shape}")
    if min(sizes) == 0:
        return float("nan")
    window = min(WINDOW, min(one.shape) - 1 + min(one.shape) % 2)
    first, second = one.astype(np.float64) / sizes[0], other.astype(np.float64) / sizes[1]
    return float(structural_similarity(first, second, win_size=window, data_range=2.0))


def top_overlap(one: Map, other: Map, share: float = TOP) -> float:
    """The share in [0, 1] of the highest places that two maps of one shape have in common; NaN where one is constant.

    Places are ordered by absolute value, and of equals the first in reading order counts as higher. Two maps of chance
    have about `share` in common.

    Raises:
        ConfigError: share outside (0, 1].
        InputError: maps of several shapes, or values that are not finite.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"share must lie in (0, 1]; got {share}")
    _check(one, other)
    sizes = np.abs(one).ravel(), np.abs(other).ravel()
    if any(np.ptp(size) == 0 for size in sizes):
        return float("nan")
    count = ceil(share * one.size)
    first, second = (set(np.argsort(-size, kind="stable")[:count].tolist()) for size in sizes)
    return len(first & second) / count


AGREEMENTS: Mapping[str, Agreement] = {
    "spearman": spearman,
    "cosine": cosine,
    "ssim": ssim,
    "top-overlap": top_overlap,
}
"""By the key used in files; each is 1 for a map with itself."""


def agreement_matrix(maps: Sequence[Map], agreement: Agreement) -> NDArray[np.float64]:
    """The agreement (N, N) of each map with each other; symmetric.

    Raises:
        InputError: maps of several shapes, or values that are not finite.
    """
    count = len(maps)
    found = np.empty((count, count))
    for row in range(count):
        for column in range(row, count):
            found[row, column] = found[column, row] = agreement(maps[row], maps[column])
    return found


def _check(one: Map, other: Map) -> None:
    if one.shape != other.shape or one.size == 0:
        raise InputError(f"maps to compare must have one shape; got {one.shape} and {other.shape}")
    if not np.isfinite(one).all() or not np.isfinite(other).all():
        raise InputError("maps to compare must hold finite values")


def _correlation(one: Map, other: Map) -> float:
    first, second = one - one.mean(), other - other.mean()
    length = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.clip(first @ second / length, -1.0, 1.0)) if length > 0 else float("nan")
