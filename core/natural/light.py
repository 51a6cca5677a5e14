"""Other light and other colours, as kornia changes them (Riba et al. 2020, arXiv:1910.02190)."""

from functools import partial

from kornia.enhance import adjust_brightness, adjust_contrast_with_mean_subtraction, adjust_hue, adjust_saturation
from torch import Tensor

from core.natural.change import Change


def _brighter(x: Tensor, added: Tensor) -> Tensor:
    return adjust_brightness(x, added)


def _contrasted(x: Tensor, factor: Tensor) -> Tensor:
    return adjust_contrast_with_mean_subtraction(x, factor)


def _saturated(x: Tensor, factor: Tensor) -> Tensor:
    return adjust_saturation(x, factor).clamp(0.0, 1.0)


def _hued(x: Tensor, degrees: Tensor) -> Tensor:
    return adjust_hue(x, degrees.deg2rad()).clamp(0.0, 1.0)


_change = partial(Change, group="light")

BRIGHTNESS = _change(
    "brightness", "Brightness", -0.6, 0.6, 0, "", "Added to every value; black to white is 1.", _brighter, step=0.02
)
CONTRAST = _change(
    "contrast", "Contrast", 0.05, 3, 1, " ×", "Distances from the picture's mean luminance are multiplied.",
    _contrasted, step=0.05,
)  # fmt: skip
SATURATION = _change(
    "saturation", "Saturation", 0, 3, 1, " ×", "Multiplies the saturation of HSV; 0 is grey.", _saturated,
    colour=True, step=0.05,
)  # fmt: skip
HUE = _change(
    "hue", "Hue", -180, 180, 0, "°", "Turns the circle of hues; −180 and 180 are the same.", _hued, colour=True, step=2
)
