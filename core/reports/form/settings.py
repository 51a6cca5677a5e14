"""What every report's settings share: a seed, counts of at least one, and one number of images for a quick look."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TypeVar

from core.data.datasets import LabelledImages
from core.errors import ConfigError

S = TypeVar("S", bound="ReportSettings")

MORE_MODELS = "more_models"
"""What a report states of networks that are measured on more images."""


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """What decides a report's figures; each report adds its own.

    Attributes:
        seed: of everything that is drawn.
        counts: names of the settings that must be at least 1, or None where one may be.

    Raises:
        ConfigError: a count below 1.
    """

    counts: ClassVar[tuple[str, ...]] = ("images",)

    seed: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        given = [getattr(self, name) for name in self.counts]
        if min((count for count in given if count is not None), default=1) < 1:
            raise ConfigError(f"{', '.join(self.counts)} must be at least 1; got {self}")

    def with_images(self, data: LabelledImages) -> dict[str, Any]:
        """These settings as plain values, with which images are measured and how many."""
        return asdict(self) | {"images": len(data), "data": data.origin}


def sized(kind: type[S], *counts: str, **fixed: Any) -> Callable[[int | None, int], S]:
    """What makes settings from the number of images asked for, None for the report's own numbers, and the seed.

    Args:
        kind: of the settings.
        counts: names of the settings that become that number.
        fixed: what others become where a number is asked for.
    """

    def settings(images: int | None, seed: int) -> S:
        few = {} if images is None else dict.fromkeys(counts, images) | fixed
        return kind(**few, seed=seed)

    return settings
