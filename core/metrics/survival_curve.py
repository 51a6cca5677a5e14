"""Accuracy against epsilon, from the smallest radius at which each image fell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.metrics.intervals import wilson

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """The share of images that stand at each radius, with 95 % Wilson intervals.

    Attributes:
        radii: (m + 1,), increasing from 0, in the units of the grid.
        share: (m + 1,), in [0, 1].
        low: lower ends of the intervals.
        high: upper ends.
        n: images.
    """

    radii: Array
    share: Array
    low: Array
    high: Array
    n: int


def survival_curve(smallest: NDArray[np.floating], grid: NDArray[np.floating]) -> SurvivalCurve:
    """The accuracy at 0 and at each radius of a grid.

    Args:
        smallest: (n,), the smallest radius of the grid at which an image fell; 0 where it was wrong when clean,
            infinite where it never fell.
        grid: (m,), above 0 and increasing.

    Raises:
        InputError: no images, a grid that does not increase from above 0, or NaN among the radii.
    """
    if len(smallest) == 0 or np.isnan(smallest).any() or (np.diff(grid, prepend=0) <= 0).any():
        raise InputError("a curve needs images, and radii that increase from above 0")
    radii = np.concatenate([[0.0], grid]).astype(np.float64)
    counts = (np.asarray(smallest, np.float64)[:, None] > radii * (1 + 1e-6)).sum(0)  # files hold float32
    intervals = np.array([wilson(int(count), len(smallest)) for count in counts])
    return SurvivalCurve(radii, counts / len(smallest), intervals[:, 0], intervals[:, 1], len(smallest))
