"""Whether a map lies on the object, where the object's place is known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

Map = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def pointing_game(heatmap: Map, inside: Mask) -> float:
    """1 where the map's highest place lies on the object, else 0; of several highest places the share that does.

    Zhang et al. 2016, arXiv:1608.00507, without their margin of 15 pixels. By chance it is the object's share
    of the area, `area`.

    Args:
        heatmap: (H, W); higher is more.
        inside: the object, (H, W).

    Raises:
        InputError: of several shapes, or values that are not finite.
    """
    _check(heatmap, inside)
    return float(inside[heatmap == heatmap.max()].mean())


def mass_inside(heatmap: Map, inside: Mask) -> float:
    """The share in [0, 1] of the map's absolute mass that lies on the object; NaN where the map is zero.

    An even map has the object's share of the area, `area`. Arguments and errors as for `pointing_game`.
    """
    _check(heatmap, inside)
    mass = np.abs(heatmap).astype(np.float64)
    total = mass.sum()
    return float(mass[inside].sum() / total) if total > 0 else float("nan")


def area(inside: Mask) -> float:
    """The object's share of the area, in [0, 1]: what a map that knows nothing reaches in both measures."""
    return float(inside.mean())


def _check(heatmap: Map, inside: Mask) -> None:
    if heatmap.shape != inside.shape or heatmap.size == 0 or inside.dtype != np.bool_:
        raise InputError(f"need a map and a mask of one shape; got {heatmap.shape} and {inside.dtype} {inside.shape}")
    if not np.isfinite(heatmap).all():
        raise InputError("the map holds values that are not finite")
