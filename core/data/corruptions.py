"""Common corruptions at five severities, with the parameters of CIFAR-10-C (Hendrycks, Dietterich, arXiv:1903.12261).

Eight of its fifteen and its extras, those that scikit-image, SciPy and Pillow make: the severities are those of its
authors for 32x32 pixels, used for 28x28, too. The libraries that have the others need ImageMagick, or old versions.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.color import hsv2rgb, rgb2hsv
from torch import Tensor

from core.errors import ConfigError, InputError

SEVERITIES = (1, 2, 3, 4, 5)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Corruption:
    """A common corruption.

    Attributes:
        title: its name for people.
        strengths: its parameter at each of `SEVERITIES`.
        make: the image (H, W, C), float in [0, 1], corrupted with a strength; may leave [0, 1].
    """

    title: str
    strengths: tuple[float, ...]
    make: Callable[[Floats, float, np.random.Generator], Floats]


def corrupt(pixels: Tensor, name: str, severity: int, seed: int = 0) -> Tensor:
    """The images with a corruption, uint8 (N, C, H, W); an image's does not depend on the others.

    Args:
        pixels: uint8 (N, C, H, W), C 1 or 3; left unchanged.
        name: a key of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: of what is drawn; image i is drawn from `seed` and i.

    Raises:
        ConfigError: an unknown corruption or severity.
        InputError: images of another type or shape.
    """
    if name not in CORRUPTIONS or severity not in SEVERITIES:
        raise ConfigError(
            f"corruption must be one of {', '.join(CORRUPTIONS)}, severity 1 to 5; got {name}, {severity}"
        )
    if pixels.dtype != torch.uint8 or pixels.dim() != 4 or pixels.shape[1] not in (1, 3):
        raise InputError(f"images must be uint8 (N, 1 or 3, H, W); got {pixels.dtype} {tuple(pixels.shape)}")
    corruption = CORRUPTIONS[name]
    found = torch.empty_like(pixels)
    for index, image in enumerate(pixels):
        rng = np.random.default_rng([seed, index, severity])
        x = image.permute(1, 2, 0).numpy() / 255.0
        changed = np.rint(corruption.make(x, corruption.strengths[severity - 1], rng).clip(0, 1) * 255).astype(np.uint8)
        found[index] = torch.from_numpy(changed).permute(2, 0, 1)
    return found


def _gaussian_noise(x: Floats, strength: float, rng: np.random.Generator) -> Floats:
    return x + rng.normal(scale=strength, size=x.shape)


def _shot_noise(x: Floats, strength: float, rng: np.random.Generator) -> Floats:
    return rng.poisson(x * strength) / strength


def _impulse_noise(x: Floats, strength: float, rng: np.random.Generator) -> Floats:
    hit = rng.random(x.shape) < strength
    return np.where(hit, rng.integers(0, 2, x.shape).astype(np.float64), x)


def _gaussian_blur(x: Floats, strength: float, rng: np.random.Generator) -> Floats:
    blurred: Floats = gaussian_filter(x, (strength, strength, 0), mode="nearest")
    return blurred


def _contrast(x: Floats, strength: float, rng: np.random.Generator) -> Floats:
    mean = x.mean((0, 1), keepdims=True)
    flatter: Floats = (x - mean) * strength + mean
    return flatter


def _brightness(x: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """A larger value of hue, saturation, value; of grey simply the level."""
    if x.shape[2] == 1:
        return x + strength
    hsv = rgb2hsv(x)
    hsv[..., 2] = (hsv[..., 2] + strength).clip(0, 1)
    bright: Floats = hsv2rgb(hsv)
    return bright


def _pixelate(x: Floats, strength: float, rng: np.random.Generator) -> Floats:
    height, width = x.shape[:2]
    small = _pillow(x).resize((int(width * strength), int(height * strength)), Image.Resampling.BOX)
    return _floats(small.resize((width, height), Image.Resampling.BOX), x.shape)


def _jpeg(x: Floats, strength: float, rng: np.random.Generator) -> Floats:
    file = io.BytesIO()
    _pillow(x).save(file, "JPEG", quality=int(strength))
    return _floats(Image.open(file, formats=("JPEG",)), x.shape)


def _pillow(x: Floats) -> Image.Image:
    levels = np.rint(x * 255).astype(np.uint8)
    return Image.fromarray(levels[..., 0] if x.shape[2] == 1 else levels)


def _floats(image: Image.Image, shape: tuple[int, ...]) -> Floats:
    return np.asarray(image, np.float64).reshape(shape) / 255


CORRUPTIONS: Mapping[str, Corruption] = {
    "gaussian-noise": Corruption("Gaussian noise", (0.04, 0.06, 0.08, 0.09, 0.10), _gaussian_noise),  # deviation
    "shot-noise": Corruption("Shot noise", (500, 250, 100, 75, 50), _shot_noise),  # photons at white
    "impulse-noise": Corruption(
        "Impulse noise", (0.01, 0.02, 0.03, 0.05, 0.07), _impulse_noise
    ),  # share of values that turn black or white
    "gaussian-blur": Corruption("Gaussian blur", (0.4, 0.6, 0.7, 0.8, 1.0), _gaussian_blur),  # deviation in pixels
    "contrast": Corruption("Less contrast", (0.75, 0.5, 0.4, 0.3, 0.15), _contrast),  # factor around the image's mean
    "brightness": Corruption("More brightness", (0.05, 0.1, 0.15, 0.2, 0.3), _brightness),  # added
    "pixelate": Corruption("Pixels", (0.95, 0.9, 0.85, 0.75, 0.65), _pixelate),  # side of the small picture
    "jpeg": Corruption("JPEG", (80, 65, 58, 50, 40), _jpeg),  # quality
}
"""By the name used in files and URLs; menus and reports are read from it."""
