"""Which part of a picture's values is spread from black to white."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from core.decoding.grey_levels import TOP, scaled
from core.decoding.picture import Picture
from core.errors import ConfigError

NARROW = 0.25
"""A picture that uses less of its range than this is worth a word."""

Kind = Literal["file", "stretch", "percentiles", "values"]
_BAND = 1 << 20


@dataclass(frozen=True, slots=True)
class Window:
    """A choice of the values that become black and white; all colours of a picture share it.

    Attributes:
        kind: "file" as the picture came; "stretch" its smallest and its largest value; "percentiles" and "values" the
            two below.
        low: a percentile in [0, 100], or a value in the file's own unit (0 to 255 of a picture of 8 bits).
        high: the same, above `low`.

    Raises:
        ConfigError: an unknown kind, or bounds that are none of it.
    """

    kind: Kind = "file"
    low: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        ordered = bool(np.isfinite((self.low, self.high)).all()) and self.low < self.high
        fits = {
            "file": self.low == self.high == 0.0,
            "stretch": self.low == self.high == 0.0,
            "percentiles": ordered and self.low >= 0.0 and self.high <= 100.0,
            "values": ordered,
        }.get(self.kind, False)
        if not fits:
            raise ConfigError(f"need file, stretch, percentiles with 0 <= low < high <= 100, or values; got {self}")

    @property
    def level(self) -> float:
        """The middle of the bounds."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """The distance of the bounds."""
        return self.high - self.low


AS_IT_CAME = Window()


def bounds(picture: Picture, window: Window) -> tuple[float, float]:
    """The values that are black and white; those of the picture as it came where a window would be empty.

    A percentile p is the smallest value that at least p % of the samples reach or stay below.
    """
    start = (0.0, 255.0) if picture.levels is None else picture.levels.start
    if window.kind == "file":
        return start
    if window.kind == "values":
        return window.low, window.high
    samples = picture.pixels if picture.levels is None else picture.levels.samples
    if window.kind == "stretch":
        places = samples.min(), samples.max()
    else:
        below = np.cumsum(_counts(samples))
        places = np.searchsorted(below, np.ceil(np.array([window.low, window.high]) / 100 * below[-1]).clip(1))
    offset, slope = _unit(picture)
    found = offset + slope * float(places[0]), offset + slope * float(places[1])
    return found if found[0] < found[1] else start


def share_used(picture: Picture) -> float:
    """The share of the picture's range, as it came, that lies between its smallest and its largest value, at most 1.

    1 of a picture of one value, which no window would show better.
    """
    low, high = bounds(picture, Window("stretch"))
    black, white = bounds(picture, AS_IT_CAME)
    return min(1.0, (high - low) / (white - black))


def windowed(picture: Picture, window: Window) -> Picture:
    """The picture with the window's values spread from black to white, and a note that says so; as it is for "file"."""
    if window.kind == "file":
        return picture
    low, high = bounds(picture, window)
    offset, slope = _unit(picture)
    if picture.levels is None:
        pixels = scaled(offset + slope * np.arange(256.0), low, high)[picture.pixels]
    else:
        table = scaled(offset + slope * np.arange(TOP + 1.0), low, high)
        pixels = picture.levels.curve[table][picture.levels.samples]
    pixels.setflags(write=False)
    return replace(picture, pixels=pixels, notes=(*picture.notes, _note(window, low, high)))


def _note(window: Window, low: float, high: float) -> str:
    how = {
        "stretch": "the smallest and the largest",
        "percentiles": f"the percentiles {window.low:g} and {window.high:g}",
        "values": f"level {window.level:g}, width {window.width:g}",
    }[window.kind]
    return f"Windowed here: the values from {low:g} to {high:g} ({how}) go from black to white."


def _unit(picture: Picture) -> tuple[float, float]:
    """The value of sample 0, and the step."""
    return (0.0, 1.0) if picture.levels is None else (picture.levels.offset, picture.levels.slope)


def _counts(samples: np.ndarray) -> np.ndarray:
    """How many samples there are of each level, of unsigned ones."""
    counts = np.zeros(np.iinfo(samples.dtype).max + 1, np.int64)
    flat = samples.reshape(-1)
    for start in range(0, flat.size, _BAND):
        counts += np.bincount(flat[start : start + _BAND], minlength=len(counts))
    return counts
