"""How far apart colours are seen, also by people who lack a kind of cone."""

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

SIGHTS = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
"""On linear RGB: Machado, Oliveira, Fernandes 2009, doi:10.1109/TVCG.2009.113, severity 1."""


def channels(colour: str) -> NDArray[np.float64]:
    """A colour "#rrggbb" as (3,) in [0, 1]."""
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def linear(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB values in [0, 1] as intensities of light."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def distances(colour: str, others: NDArray[np.float64], sight: str = "normal") -> NDArray[np.float64]:
    """CIEDE2000 from a colour "#rrggbb" to others (n, 3) in [0, 1]: (n,); from about 10 on they differ at a glance."""
    return deltaE_ciede2000(_seen(channels(colour)[None], sight), _seen(others, sight))


def _seen(rgb: NDArray[np.float64], sight: str) -> NDArray[np.float64]:
    light = np.clip(linear(rgb) @ SIGHTS[sight].T, 0, 1)
    return rgb2lab(np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055))
