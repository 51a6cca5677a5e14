"""Colours: one for each model on every page, and the signed scale of attribution maps."""

import colorsys
import hashlib

import numpy as np
from numpy.typing import NDArray

# Each has a contrast of at least 3 on the light and on the dark ground; chosen one after the other, each as far from
# those before it as can be, seen with and without green-blindness. So the first few, which are shown most, differ most.
_MODELS = {
    "standard": "#CF6A17",
    "pgd-linf": "#128A86",
    "pgd-l2": "#8E5BD6",
    "noise-sign": "#E858B8",
    "sat-strong-robust": "#D01070",
    "double-backprop": "#58A010",
    "distilled": "#885858",
    "lipschitz-all": "#1058E8",
    "oneepoch": "#8888B8",
    "trades": "#108810",
    "adversarial": "#D010E8",
    "noise": "#1088E8",
    "insensitive": "#A07070",
    "sat-pgd": "#7058A0",
    "sat-strong-standard": "#887010",
    "adversarial-double-backprop": "#E81010",
    "lipschitz": "#287070",
    "pgd-l2-large": "#D05858",
    "pgd-l2-radii": "#B810A0",
    "sat-box": "#D01070",  # boxes and masks belong to tasks of their own, without the teachers' maps
    "sat-mask": "#D01070",
    "sat-box-pgd": "#7058A0",
    "sat-mask-pgd": "#7058A0",
}

# Purple, white, orange (ColorBrewer PuOr, safe under colour blindness): lowers the score, no effect, raises it.
_SIGNED = np.array(
    [[45, 0, 75], [84, 39, 136], [128, 115, 172], [178, 171, 210], [216, 218, 235], [247, 247, 247],
     [254, 224, 182], [253, 184, 99], [224, 130, 20], [179, 88, 6], [127, 59, 8]],
    dtype=np.float64,
)  # fmt: skip


def model_colour(key: str) -> str:
    """The colour "#rrggbb" of a model: always the same for the same key."""
    if key in _MODELS:
        return _MODELS[key]
    hue = hashlib.blake2b(key.encode(), digest_size=2).digest()
    red, green, blue = colorsys.hls_to_rgb(int.from_bytes(hue, "big") / 65536, 0.46, 0.55)
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
