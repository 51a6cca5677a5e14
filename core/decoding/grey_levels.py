"""Grey values finer than 8 bits: how they come to 8, and what is kept of them for a window."""

import numpy as np

from core.decoding.picture import Levels

TOP = (1 << 16) - 1
_BAND = 1 << 20  # samples at once: float64 of a whole picture is too much


def scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values as uint8: `low` and what is below at 0, `high` and what is above at 255, rounded."""
    span = (high - low) or 1.0
    bands = np.array_split(values.reshape(-1), values.size // _BAND + 1)
    eight = [np.rint((band - np.float64(low)) / span * 255).clip(0, 255).astype(np.uint8) for band in bands]
    return np.concatenate(eight).reshape(values.shape)


def levels_of(values: np.ndarray, start: tuple[float, float], curve: np.ndarray) -> Levels:
    """The finest form in 16 bits of finite values (H, W): whole numbers up to 65,535 apart exactly, others rounded.

    Args:
        values: any real type.
        start: the values that are black and white as the picture came.
        curve: (256, 3) uint8, see `Levels`.
    """
    low, high = values.min().item(), values.max().item()
    if values.dtype == np.uint16:
        samples, offset, slope = values, 0.0, 1.0
    elif np.issubdtype(values.dtype, np.integer) and high - low <= TOP:
        bands = np.array_split(values.reshape(-1), values.size // _BAND + 1)
        samples = np.concatenate([(band.astype(np.int64) - low).astype(np.uint16) for band in bands])
        offset, slope = float(low), 1.0
    else:
        slope = (high - low) / TOP or 1.0
        bands = np.array_split(values.reshape(-1), values.size // _BAND + 1)
        samples = np.concatenate([np.rint((band - np.float64(low)) / slope).astype(np.uint16) for band in bands])
        offset = float(low)
    samples = np.array(samples.reshape(values.shape), np.uint16, order="C")
    samples.setflags(write=False)
    return Levels(samples, offset, float(slope), start, curve)
