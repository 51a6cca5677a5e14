"""What a round counts: its bars, and which answers each of them takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.workshop.items import Item


@dataclass(frozen=True, slots=True)
class Share:
    """A share of answers with its Wilson interval at 95 %.

    Attributes:
        measure: what is counted, such as "right".
        group: whose or what it is, such as a network's key.
        label: both for people.
        hits: answers that count.
        n: answers asked.
        low: lower end of the interval, in [0, 1].
        high: upper end.
    """

    measure: str
    group: str
    label: str
    hits: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Hits of n; 0 without any, which a sentence must not call a share."""
        return self.hits / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class Measure:
    """What one bar counts: of the answers to the items that it is `among`, those that it `hits`."""

    name: str
    group: str
    label: str
    hits: Callable[[Item, str], bool]
    among: Callable[[Item], bool] = lambda item: True


def under(condition: str) -> Callable[[Item], bool]:
    """Whether an item shows a condition."""
    return lambda item: item.condition == condition


def among_values(*values: str) -> Callable[[Item, str], bool]:
    """Whether an answer is one of some values."""
    return lambda item, value: value in values


def percent(share: Share) -> str:
    """A share in whole percent, as a room reads it."""
    return f"{100 * share.share:.0f} %"


def in_a_row(parts: Sequence[str]) -> str:
    """Parts of a sentence with commas between them and "and" before the last."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
