"""A box of pixels, and how much of a map lies in it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, InputError
from core.metrics.localisation import area, mass_inside

Map = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Box:
    """Rows and columns of a picture, in pixels of a network's input, counted from 0 at the top left.

    Attributes:
        top: the first row.
        left: the first column.
        height: how many rows, at least 1.
        width: how many columns, at least 1.

    Raises:
        ConfigError: no whole numbers, a negative place, or no pixel at all.
    """

    top: int
    left: int
    height: int
    width: int

    def __post_init__(self) -> None:
        sides = (self.top, self.left, self.height, self.width)
        if not all(type(side) is int for side in sides):
            raise ConfigError(f"a box has four whole numbers; got {sides}")
        if min(self.top, self.left) < 0 or min(self.height, self.width) < 1:
            raise ConfigError(f"a box begins at 0 or later and has at least one row and one column; got {sides}")

    def fits(self, height: int, width: int) -> bool:
        """Whether all of it lies inside of a picture of so many rows and columns."""
        return self.top + self.height <= height and self.left + self.width <= width

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """Its pixels, (height, width).

        Raises:
            InputError: a part of it lies outside of the picture.
        """
        if not self.fits(height, width):
            raise InputError(f"{self} does not lie inside of a picture of {height} rows and {width} columns")
        inside = np.zeros((height, width), np.bool_)
        inside[self.top : self.top + self.height, self.left : self.left + self.width] = True
        return inside


@dataclass(frozen=True, slots=True)
class BoxShares:
    """How much of a map lies in a box; each share is in [0, 1].

    Attributes:
        area: the box's share of the picture: what an even map has.
        mass: of the sum of absolute values; NaN where the map is zero.
        positive: of the sum of values above 0; NaN where there are none.
        negative: of the sum of values below 0; NaN where there are none.
    """

    area: float
    mass: float
    positive: float
    negative: float


def box_shares(heatmap: Map, box: Box) -> BoxShares:
    """How much of a map (H, W) lies in a box.

    Raises:
        InputError: the box does not lie inside of the map, or the map holds values that are not finite.
    """
    if heatmap.ndim != 2:
        raise InputError(f"need a map (H, W); got {heatmap.shape}")
    inside = box.mask(*heatmap.shape)
    parts = (heatmap, np.maximum(heatmap, 0), np.minimum(heatmap, 0))
    return BoxShares(area(inside), *(mass_inside(part, inside) for part in parts))
