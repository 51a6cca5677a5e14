"""Saliency maps to colours: signed or strength alone, by themselves or over their picture, on a scale that is said."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.saliency.results import Cell
from app.ui.colours import shade, signed_colours
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.grid import SaliencyMap

# Yellow, green, blue (ColorBrewer YlGnBu, safe under colour blindness, ever darker): no effect to strong effect.
_STRENGTH = np.array(
    [[255, 255, 217], [237, 248, 177], [199, 233, 180], [127, 205, 187], [65, 182, 196], [29, 145, 192], [34, 94, 168],
     [37, 52, 148], [8, 29, 88]],
    dtype=np.float64,
)  # fmt: skip


def strength(values: NDArray[np.float32], scale: float) -> NDArray[np.float64]:
    """Colours (H, W, 3) in [0, 255] for |values| (H, W): light at 0, dark at `scale`; by square root, as `signed`."""
    position = shade(values, scale) * (len(_STRENGTH) - 1)
    knots = np.arange(len(_STRENGTH))
    return np.stack([np.interp(position, knots, _STRENGTH[:, channel]) for channel in range(3)], axis=-1)


def strength_css() -> str:
    """The strength scale as a CSS gradient, from 0 to full in shade."""
    return f"linear-gradient(90deg, {', '.join(f'rgb({int(r)} {int(g)} {int(b)})' for r, g, b in _STRENGTH)})"


def map_pixels(one: SaliencyMap, scale: float, colours: str, over: int) -> NDArray[np.uint8]:
    """A map as a picture (H, W, 3), one pixel a value.

    Args:
        one: the map.
        scale: the value at which the colour is full.
        colours: "signed" or "strength".
        over: percent at which the strongest values cover the grey picture; 0 shows the map alone.
    """
    values = one.heatmap
    colour = signed_colours(values, scale) if colours == "signed" else strength(values, scale)
    if over:
        luma = np.array([0.299, 0.587, 0.114]) if len(one.x) == 3 else np.ones(1)
        grey = np.tensordot(luma, one.x.astype(np.float64), 1)[..., None] * 255
        alpha = over / 100 * shade(values, scale)[..., None]
        colour = grey * (1 - alpha) + colour * alpha
    return np.rint(colour).astype(np.uint8)


def strongest(one: SaliencyMap) -> float:
    """The largest magnitude of a map."""
    return float(np.abs(one.heatmap).max())


def scales(found: Mapping[Cell, SaliencyMap], share: str) -> dict[Cell, float]:
    """The value of the full colour of each map: its own, its method's, or of all ("own", "method", "all")."""

    def alike(cell: Cell) -> Iterable[float]:
        return (
            strongest(one)
            for other, one in found.items()
            if share == "all" or other == cell or (share == "method" and other[1] == cell[1])
        )

    return {cell: max(alike(cell), default=0.0) or 1.0 for cell in found}


def why_empty(one: SaliencyMap) -> str:
    """Why a cell has no picture; "" where it has one."""
    if one.problem:
        return one.problem
    if not one.heatmap.any():
        return f"{ATTRIBUTION_METHODS[one.method].title} is zero at every pixel here: nothing to show."
    return ""


def explains(one: SaliencyMap, class_names: Sequence[str]) -> str:
    """What a map explains, in words: "cat", or "cat, not dog"; "" where there is no map."""
    return ", not ".join(class_names[index] for index in one.target)
