"""The accuracy-robustness area: how much accuracy above guessing is left, integrated over the size of the attack."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import ConfigError, InputError

REFERENCE_BINS = 1000


@dataclass(frozen=True, slots=True)
class Area:
    """An accuracy-robustness area.

    Attributes:
        value: the area, in the unit of the distances (RMSE: [0, 1] pixel units); NaN where every image is censored.
        censored: images that were never broken. They count as right up to the largest distance found and not beyond, so
            that with any of them `value` is a lower bound.
        images: all images.
    """

    value: float
    censored: int
    images: int


def ara(distances: ArrayLike, classes: int) -> Area:
    """The exact area `integral max(0, S(e) - 1/K) de`, S(e) the share of images whose distance is above e.

    Woods, Chen, Teuscher 2019, arXiv:1906.02896; S is a step function, so the integral is a finite sum.

    Args:
        distances: smallest size (n,) found that makes each image wrong: 0 where it is wrong already, infinite where
            nothing did.
        classes: the number of classes K.

    Raises:
        InputError: no distances, or a negative one or NaN.
        ConfigError: classes < 1.
    """
    e, found = _checked(distances, classes)
    if not found.any():
        return Area(float("nan"), len(e), len(e))
    capped = np.sort(np.where(found, e, e[found].max()))
    left = 1 - np.arange(len(e)) / len(e)  # the share still right before the i-th image breaks
    value = float(np.sum(np.maximum(0, left - 1 / classes) * np.diff(capped, prepend=0)))
    return Area(value, int((~found).sum()), len(e))


def ara_binned(distances: ArrayLike, classes: int, bins: int = REFERENCE_BINS) -> Area:
    """The area as the reference code sums it: a histogram of the distances over [0, max], right-hand Riemann sum.

    Never above the exact area, and coarse where the largest distance lies far from the others. Arguments and errors as
    for `ara`, and a ConfigError for fewer than one bin.
    """
    if bins < 1:
        raise ConfigError(f"bins must be at least 1; got {bins}")
    e, found = _checked(distances, classes)
    if not found.any():
        return Area(float("nan"), len(e), len(e))
    top = float(e[found].max())
    counts, _ = np.histogram(e[found], bins=bins, range=(0, top or 1.0))
    left = 1 - np.cumsum(counts) / len(e)
    value = float(np.sum(np.maximum(0, left - 1 / classes)) * top / bins)
    return Area(value, int((~found).sum()), len(e))


def _checked(distances: ArrayLike, classes: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The distances in double precision, and which of them are finite."""
    e = np.asarray(distances, dtype=np.float64)
    if classes < 1:
        raise ConfigError(f"classes must be at least 1; got {classes}")
    if e.ndim != 1 or len(e) == 0 or np.isnan(e).any() or (e < 0).any():
        raise InputError("distances must be one number of at least 0 an image, infinite where it was never broken")
    return e, np.isfinite(e)
