"""Many-dimensional points seen from where they spread most, and the nearest of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """The plane of the two principal components of some points (Pearson 1901, Philosophical Magazine 2:559).

    Attributes:
        centre: the mean of the points (D,).
        axes: unit directions (2, D), along which they spread most; the largest entry of each is positive.
        explained: the share of the points' variance along each (2,), in [0, 1].
    """

    centre: Points
    axes: Points
    explained: Points

    def place(self, points: NDArray[np.floating]) -> Points:
        """Where points (n, D) lie in the plane (n, 2), in their own unit."""
        found: Points = (points - self.centre) @ self.axes.T
        return found


def principal_plane(points: NDArray[np.floating]) -> Projection:
    """The plane in which points (n, D) spread most.

    Raises:
        InputError: fewer than three points or two dimensions, or values that are not finite.
    """
    if points.ndim != 2 or len(points) < 3 or points.shape[1] < 2 or not np.isfinite(points).all():
        raise InputError(f"need at least three finite points of two dimensions or more; got {points.shape}")
    values = points.astype(np.float64)
    centre = values.mean(0)
    _, lengths, axes = np.linalg.svd(values - centre, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][[0, 1], np.abs(axes[:2]).argmax(1)])[:, None]
    variance = lengths**2
    return Projection(centre, axes, variance[:2] / max(variance.sum(), np.finfo(float).tiny))


def nearest(points: NDArray[np.floating], one: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Which `count` of the points (n, D) are nearest to one (D,), nearest first, by Euclidean distance."""
    distance = np.linalg.norm(points.astype(np.float64) - one, axis=1)
    return np.argsort(distance, kind="stable")[:count]
