"""How much of a picture is coarse: the share of its energy at low spatial frequencies."""

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, InputError

CUT_OFF = 0.25
"""Of Nyquist: an eighth of a cycle a pixel, so a period of eight pixels or more counts as low."""


def low_frequency_share(pictures: NDArray[np.floating], cut_off: float = CUT_OFF) -> NDArray[np.float64]:
    """The share (...,) of each picture's energy at radial frequencies up to `cut_off`.

    Energy is the squared modulus of the two-dimensional Fourier transform of each channel, summed over channels
    (by Parseval that of the pixels), the mean included as frequency zero. The radial frequency is `sqrt(u^2 + v^2)`
    with u and v in cycles a pixel, in units of Nyquist (half a cycle a pixel); it runs from 0 to sqrt(2).

    Args:
        pictures: (..., C, H, W), such as the change that an attack makes.
        cut_off: in units of Nyquist; the frequency itself counts as low.

    Returns:
        From 0 to 1; NaN where a picture is zero everywhere and has no energy to share.

    Raises:
        InputError: fewer than three dimensions, or a value that is not finite.
        ConfigError: a cut-off below 0.
    """
    if not cut_off >= 0:
        raise ConfigError(f"cut_off must be at least 0; got {cut_off}")
    values = np.asarray(pictures, np.float64)
    if values.ndim < 3 or not np.isfinite(values).all():
        raise InputError("pictures must be finite and have channels, height and width")
    largest = np.abs(values).max((-3, -2, -1), keepdims=True, initial=0.0)
    scaled = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)  # tiny squares would underflow
    energy = np.square(np.abs(np.fft.fft2(scaled))).sum(-3)
    rows, columns = (2 * np.fft.fftfreq(size) for size in values.shape[-2:])
    low = np.hypot(rows[:, None], columns[None, :]) <= cut_off
    total = energy.sum((-2, -1))
    shares: NDArray[np.float64] = np.divide(
        (energy * low).sum((-2, -1)), total, out=np.full_like(total, np.nan), where=total > 0
    )
    return shares
