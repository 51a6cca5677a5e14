"""Where a workshop stands, as values: what the presenter, the phones and the server's cache hand to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.workshop.items import Item

Phase = Literal["lobby", "question", "reveal", "finished"]
PHASES: tuple[Phase, ...] = ("lobby", "question", "reveal", "finished")
Tallies = Mapping[tuple[int, str], int]
"""How often each value was given to each item (its index)."""
GRACE = 3.0  # seconds in which an answer given at the last moment may arrive


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where one stands; see `core.workshop.schema.WorkshopRow`."""

    id: int
    code: str
    title: str
    seed: int
    phase: Phase
    position: int
    accepting: bool
    deadline: float | None
    keeps_names: bool
    following: str
    step: int
    version: int
    people: int

    def takes_answers(self, now: float) -> bool:
        """Whether a question is open at a time of the server's clock."""
        in_time = self.deadline is None or now <= self.deadline + GRACE
        return self.phase == "question" and self.accepting and in_time


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a workshop, as it was prepared."""

    id: int
    workshop: int
    position: int
    kind: str
    settings: Mapping[str, Any]
    items: tuple[Item, ...]

    @property
    def each(self) -> int:
        """How many items a person judges."""
        return int(self.settings["each"])


@dataclass(frozen=True, slots=True)
class PreparedRound:
    """A round before it is stored: `settings` has at least `each`; pictures are PNG by digest."""

    kind: str
    settings: Mapping[str, Any]
    items: tuple[Item, ...]
    pictures: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Room:
    """A workshop with its rounds and the counts of the round it is at: what all sessions of a server share."""

    workshop: Workshop
    rounds: tuple[Round, ...]
    tallies: Tallies
    names: tuple[tuple[int, str], ...]
    offers: int

    @property
    def round(self) -> Round | None:
        """The round that it is at; None in the lobby and at the end."""
        workshop = self.workshop
        at_one = workshop.phase in ("question", "reveal") and workshop.position < len(self.rounds)
        return self.rounds[workshop.position] if at_one else None

    @property
    def answers(self) -> int:
        """How many answers the round has."""
        return sum(self.tallies.values())


@dataclass(frozen=True, slots=True)
class Leader:
    """Somebody who showed the presenter's key; every action asks the database whether that still holds."""

    workshop: int
    digest: str


@dataclass(frozen=True, slots=True)
class Seat:
    """A participant's place: which workshop, who, by when they came, and the seed of their order."""

    workshop: int
    id: int
    number: int
    seed: int
