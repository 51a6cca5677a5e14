"""What a page adds to the shared choice: a frozen value with fields and query parameters of its own."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from app.state import query_fields
from app.state.choice import Choice, Options
from app.state.query_fields import Check, QueryField, one_of
from app.state.uploads import UPLOAD
from core.data.tasks import Task, task_named


@dataclass(frozen=True, slots=True)
class Beside:
    """What a page's values are judged beside: the shared choice, and what can be chosen on this server."""

    choice: Choice
    options: Options

    @property
    def task(self) -> Task:
        """The task."""
        return task_named(self.choice.task)

    @property
    def models(self) -> tuple[str, ...]:
        """Keys of the task's models here."""
        return self.options.models[self.choice.task]


network_here: Check[Any, Beside] = one_of(lambda part, beside: beside.models)
"""Whether a value names a network of the task."""


class PageChoice(ABC):
    """The part of a page: a frozen dataclass that says which values it has, and what else follows from a choice."""

    __slots__ = ()
    leaves_out_defaults: ClassVar[bool] = False
    """Whether a link leaves out the values that are as they are by default."""
    of_picture: ClassVar[frozenset[str]] = frozenset()
    """Names in links of what tells of the picture, which no link to a visitor's own holds."""

    @classmethod
    def first(cls, beside: Beside) -> Self:
        """What a link is taken to mean that says nothing: every value's default."""
        return cls()

    @classmethod
    @abstractmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""

    def within(self, choice: Choice, options: Options) -> Self:
        """The nearest that is possible beside a choice: as it is, where no choice rules anything out."""
        return self

    @classmethod
    def opening(cls, beside: Beside) -> Self:
        """The view of a visit without a link: it may show more than what a link is taken to mean that does not say."""
        return cls.first(beside)

    @classmethod
    def usual(cls) -> Self | None:
        """What a link leaves out; None where it holds every value."""
        return cls() if cls.leaves_out_defaults else None

    @classmethod
    def read(cls, query: Mapping[str, str], choice: Choice, options: Options) -> tuple[Self, list[str]]:
        """What query parameters from anyone describe, and a sentence for each value that had to be replaced."""
        beside = Beside(choice, options)
        return query_fields.read(
            cls.table(), cls.first(beside), query, beside, lambda part: part.within(choice, options)
        )

    def change(self, field: str, value: Any, choice: Choice, options: Options) -> Self:
        """It with one field changed; unchanged where the value, which may come from anyone, is not possible."""
        changed = query_fields.change(self.table(), self, field, value, Beside(choice, options))
        return changed if changed is self else changed.within(choice, options)

    def to_query(self, choice: Choice | None = None) -> dict[str, str]:
        """The query parameters of a link to it, beside a choice."""
        query = query_fields.to_query(self.table(), self, self.usual())
        private = choice is not None and choice.image.startswith(UPLOAD)
        return {name: text for name, text in query.items() if not (private and name in self.of_picture)}
