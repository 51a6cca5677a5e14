"""What a calibration on somebody's own pictures says of them, and how its promise fared on those held out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.metrics.intervals import wilson

MAX_NAME = 60  # characters
OWN = "own"  # in a calibration's settings


@dataclass(frozen=True, slots=True)
class HeldOutShare:
    """How many of the pictures held out a detector flags.

    Attributes:
        flagged: pictures.
        of: of how many.
        low: lower end of the share's interval, Wilson at 95 %.
        high: its upper end.
    """

    flagged: int
    of: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StatedNormal:
    """Somebody's own normal pictures.

    Attributes:
        name: what they call them; "" where they do not say.
        images: how many there were in all.
        fitting: how they were brought to the task's shape, as in `core.images.fit`.
        invert: light and dark were swapped.
        held_out: how many of them neither fitted nor gave p-values.
        alpha: the share of normal pictures that a detector may flag, as was checked.
        flagged: by detector how many of those held out have a p-value of at most `alpha`.
    """

    name: str
    images: int
    fitting: str
    invert: bool
    held_out: int
    alpha: float
    flagged: Mapping[str, int]

    def __post_init__(self) -> None:
        """Refuse what can't be: it may stand in a file from anywhere."""
        counts = [self.images, self.held_out, *self.flagged.values()]
        if any(type(count) is not int for count in counts) or not isinstance(self.name, str):
            raise ValueError("what is normal to it must be a name and whole numbers")
        if len(self.name) > MAX_NAME or type(self.invert) is not bool or self.fitting not in ("crop", "letterbox"):
            raise ValueError("what is normal to it is not said as it must be")
        if type(self.alpha) is not float or not 0 < self.alpha < 1:
            raise ValueError("its promise must be a share between 0 and 1")
        if not 0 < self.held_out < self.images or any(
            not 0 <= count <= self.held_out for count in self.flagged.values()
        ):
            raise ValueError("the pictures held out must be fewer than all, and those flagged no more")

    @property
    def words(self) -> str:
        """How many there are of what: `240 pictures “chest X-rays”`."""
        return f"{self.images:,} pictures" + (f" “{self.name}”" if self.name else "")

    def share(self, detector: str) -> HeldOutShare | None:
        """How the promise fared by a detector; None where it was not checked."""
        if detector not in self.flagged:
            return None
        flagged = self.flagged[detector]
        return HeldOutShare(flagged, self.held_out, *wilson(flagged, self.held_out))

    def settings(self) -> dict[str, Any]:
        """It as plain values, to stand in a calibration's settings."""
        return {OWN: asdict(self)}


def stated_in(settings: Mapping[str, Any]) -> StatedNormal | None:
    """What a calibration's settings say of somebody's own pictures; None where it was not made of such.

    Raises:
        ValueError: they say it in another way than `StatedNormal.settings` does.
        TypeError: as before.
    """
    return StatedNormal(**settings[OWN]) if OWN in settings else None
