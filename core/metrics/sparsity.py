"""How few places hold a map's mass."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError


def gini(heatmap: NDArray[np.floating[Any]]) -> float:
    """The Gini index in [0, 1) of a map's absolute values: 0 for an even map, `1 - 1/n` for one place of n.

    Hurley, Rickard 2009 (IEEE TIT 55:4723), eq. 1; for saliency Chalasani et al. 2020, arXiv:1810.06583. NaN where the
    map is zero.

    Raises:
        InputError: no places, or values that are not finite.
    """
    if heatmap.size == 0 or not np.isfinite(heatmap).all():
        raise InputError("a map needs places with finite values")
    mass = np.sort(np.abs(heatmap).astype(np.float64).ravel())
    total = mass.sum()
    if total == 0:
        return float("nan")
    n = len(mass)
    return float(1 - 2 * np.sum(mass / total * (n - np.arange(1, n + 1) + 0.5) / n))
