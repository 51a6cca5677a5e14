"""The Find page's part of the choice: which pictures, by which rule, of which class."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from app.state.choice import Choice, Options
from app.state.page_choice import Beside, PageChoice
from app.state.query_fields import WHOLE, QueryField, one_of, whole
from core.data.tasks import task_named
from core.explanations.picture_rules import RULES

SOURCES: Mapping[str, str] = {"gallery": "of the gallery", "own": "of your own"}
EVERY_CLASS = 0


@dataclass(frozen=True, slots=True)
class FindChoice(PageChoice):
    """What the page shows besides the shared choice.

    Attributes:
        rule: key of `RULES`.
        source: key of `SOURCES`.
        of_class: the class of the pictures shown, counted from 1: the true one, or the first network's answer where
            that is unknown; `EVERY_CLASS` for all.
    """

    leaves_out_defaults = True
    rule: str = next(iter(RULES))
    source: str = "gallery"
    of_class: int = EVERY_CLASS

    @classmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""
        return FIELDS

    def within(self, choice: Choice, options: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other classes."""
        known = self.of_class <= task_named(choice.task).classes
        return self if known else replace(self, of_class=EVERY_CLASS)


FIELDS: tuple[QueryField[FindChoice, Beside], ...] = (
    QueryField("rule", "rule", str, one_of(RULES), f"must be one of {', '.join(RULES)}"),
    QueryField("pictures", "source", str, one_of(SOURCES), f"must be {' or '.join(SOURCES)}"),
    QueryField(
        "class", "of_class", WHOLE, whole(EVERY_CLASS, lambda part, beside: beside.task.classes),
        "must be the number of a class of this task, from 1",
    ),
)  # fmt: skip
