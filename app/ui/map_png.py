"""Arrays to PNG pictures: signed maps, overlays, enlarged inputs, amplified differences."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.ui.colours import shade, signed_colours
from core.explanations.prediction import Prediction
from core.images import to_png

SIDE = 336  # pixels an enlarged side has at most; each of the image's becomes a square, which the browser may enlarge


def enlarge(x: NDArray[np.float32]) -> bytes:
    """An image (C, H, W) as PNG, every pixel a sharp square."""
    return to_png(x, max(1, SIDE // max(x.shape[1:])))


def scale(looks: Sequence[Prediction]) -> float:
    """The value at which the maps of these looks reach their full colour: the largest magnitude in any of them."""
    maps = [look.heatmap for look in looks if look.attributions is not None]
    return max((float(np.abs(heatmap).max()) for heatmap in maps), default=0.0) or 1.0


def strongest(heatmap: NDArray[np.float32]) -> float:
    """Where a map (H, W) reaches its full colour on a scale of its own: its largest magnitude, 1 for an empty one."""
    return float(np.abs(heatmap).max()) or 1.0


def signed_map(heatmap: NDArray[np.float32], scale: float) -> bytes:
    """A signed map (H, W) alone, as PNG."""
    return to_png(np.rint(signed_colours(heatmap, scale)).astype(np.uint8), max(1, SIDE // max(heatmap.shape)))


def overlay(heatmap: NDArray[np.float32], x: NDArray[np.float32], scale: float, opacity: float) -> bytes:
    """A signed map over the grey form of its image (C, H, W), as PNG; the strongest values get `opacity` in [0, 1]."""
    luma = np.array([0.299, 0.587, 0.114]) if len(x) == 3 else np.ones(1)
    grey = np.tensordot(luma, x.astype(np.float64), 1)[..., None] * 255
    alpha = opacity * shade(heatmap, scale)[..., None]
    mixed = grey * (1 - alpha) + signed_colours(heatmap, scale) * alpha
    return to_png(np.rint(mixed).astype(np.uint8), max(1, SIDE // max(heatmap.shape)))


def drawn_map(look: Prediction, scale: float, over: bool, opacity: int) -> bytes:
    """The gradient of a look as PNG: over its picture, the strongest values with `opacity` percent, or alone."""
    if over:
        return overlay(look.heatmap, look.x, scale, opacity / 100)
    return signed_map(look.heatmap, scale)


def amplification(deltas: Sequence[NDArray[np.float32]]) -> int:
    """The factor, shared side by side, that lets the largest change fill half the range; 1 where nothing changed."""
    largest = max((float(np.abs(delta).max()) for delta in deltas), default=0.0)
    return max(1, int(0.5 / largest + 1e-6)) if largest > 0 else 1


def amplify(delta: NDArray[np.float32], factor: int) -> bytes:
    """A change (C, H, W) times `factor` around mid-grey, as PNG."""
    return to_png(0.5 + factor * delta, max(1, SIDE // max(delta.shape[1:])))
