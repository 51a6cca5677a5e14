"""What decoding gives, and the size that a picture may have."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from core.errors import InputError

MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
MAX_SIDE = 30_000
MAX_RATIO = 1_000
"""Of the longer side to the shorter: of what is thinner, a thousandth is left after a centre crop."""

Background = Literal["white", "black", "grey"]


@dataclass(frozen=True, eq=False)
class Levels:
    """The grey values of a file that are finer than 8 bits.

    A sample stands for the value `offset + slope * sample`, in the file's own unit.

    Attributes:
        samples: (height, width) uint16, read-only.
        offset: the value of sample 0.
        slope: the step between samples, above 0.
        start: the values that are black and white in the picture as it came.
        curve: (256, 3) uint8, the sRGB colours of the 8-bit grey levels from the lower value to the higher.
    """

    samples: np.ndarray
    offset: float
    slope: float
    start: tuple[float, float]
    curve: np.ndarray


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: (height, width, 3) uint8 sRGB, read-only.
        format: PNG, JPEG, WebP, BMP, TIFF, GIF, DICOM or HEIC.
        width: of `pixels`, after any EXIF rotation.
        height: of `pixels`, after any EXIF rotation.
        notes: sentences that say what decoding changed.
        levels: what `pixels` were made of, where the file's grey values are finer; None of others.
    """

    pixels: np.ndarray
    format: str
    width: int
    height: int
    notes: tuple[str, ...] = ()
    levels: Levels | None = None

    @cached_property
    def digest(self) -> str:
        """BLAKE2b (16 bytes, as 32 hex digits) of the shape, the pixels and any finer samples; computed once."""
        state = hashlib.blake2b(repr(self.pixels.shape).encode(), digest_size=16)
        state.update(np.ascontiguousarray(self.pixels).data)
        if self.levels is not None:
            state.update(repr((self.levels.offset, self.levels.slope, self.levels.start)).encode())
            state.update(np.ascontiguousarray(self.levels.samples).data)
        return state.hexdigest()


def check_size(width: int, height: int) -> None:
    """Refuse a picture that costs too much to decode or to resize, whatever its file costs.

    Resizing along a side takes memory and time by that side alone: 40,000,000 x 1 pixels, 39 kB as PNG, take 2 GB.

    Raises:
        InputError: no pixels, more than `MAX_PIXELS`, a side longer than `MAX_SIDE`, or sides further apart than
            `MAX_RATIO`.
    """
    if width < 1 or height < 1:
        raise InputError(f"The picture has no pixels: it is {width} × {height}.")
    if width * height > MAX_PIXELS:
        raise InputError(
            f"The picture has {width} × {height} pixels ({width * height / 1e6:.1f} megapixels); "
            f"at most {MAX_PIXELS / 1e6:.0f} megapixels are decoded."
        )
    if max(width, height) > MAX_SIDE:
        raise InputError(f"The picture has {width} × {height} pixels; a side may have {MAX_SIDE:,} at most.")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise InputError(
            f"The picture is too thin: {width} × {height} pixels, and one side may be {MAX_RATIO:,} times the other."
        )
