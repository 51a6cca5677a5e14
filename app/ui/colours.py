"""Colours: one for each model on every page, and the signed scale of attribution maps."""

import colorsys
import hashlib

import numpy as np
from numpy.typing import NDArray

from core.training.recipes.registry import colour_of

# Purple, white, orange (ColorBrewer PuOr, safe under colour blindness): lowers the score, no effect, raises it.
_SIGNED = np.array(
    [[45, 0, 75], [84, 39, 136], [128, 115, 172], [178, 171, 210], [216, 218, 235], [247, 247, 247],
     [254, 224, 182], [253, 184, 99], [224, 130, 20], [179, 88, 6], [127, 59, 8]],
    dtype=np.float64,
)  # fmt: skip
NEUTRAL = "#667085"
"""Of what belongs to no network."""
_FREE_HUES = [*((hue, 0.40) for hue in range(90, 200)), *((hue, 0.46) for hue in range(300, 345))]
"""In degrees, and with a lightness, those that show on both grounds and are neither of maps nor of what is flagged."""


def model_colour(key: str) -> str:
    """The colour "#rrggbb" of a model: its recipe's, or one that follows from its key."""
    chosen = colour_of(key)
    if chosen is not None:
        return chosen
    share = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=2).digest(), "big") / 65536
    hue, lightness = _FREE_HUES[int(share * len(_FREE_HUES))]
    red, green, blue = colorsys.hls_to_rgb(hue / 360, lightness, 0.55)
    return f"#{round(red * 255):02X}{round(green * 255):02X}{round(blue * 255):02X}"


def signed_colours(values: NDArray[np.float32], scale: float) -> NDArray[np.float64]:
    """Colours (H, W, 3) in [0, 255] for values (H, W): white at 0, the full colour at plus or minus `scale`.

    The shade goes with the square root of |value| / scale, so that maps of very different strength can share a scale
    and both still show.
    """
    strength = shade(values, scale)
    position = (np.sign(values) * strength + 1) / 2 * (len(_SIGNED) - 1)
    knots = np.arange(len(_SIGNED))
    return np.stack([np.interp(position, knots, _SIGNED[:, channel]) for channel in range(3)], axis=-1)


def shade(values: NDArray[np.float32], scale: float) -> NDArray[np.float64]:
    """How strongly each value is coloured, in [0, 1]: the square root of |value| / scale, at most 1."""
    return np.sqrt(np.minimum(np.abs(values.astype(np.float64)) / max(scale, 1e-12), 1.0))


def gradient_css() -> str:
    """The signed scale as a CSS gradient, from minus to plus `scale` in shade."""
    return f"linear-gradient(90deg, {', '.join(f'rgb({int(r)} {int(g)} {int(b)})' for r, g, b in _SIGNED)})"
