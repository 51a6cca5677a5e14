"""The Find page's part of the choice: which pictures, by which rule, of which class."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from app.state.choice import Choice, Options
from app.state.page_choice import Beside, PageChoice
from app.state.query_fields import WHOLE, QueryField, matching, one_of, whole
from core.data.galleries import most_tests
from core.data.tasks import Task, task_named
from core.explanations.picture_rules import RULES

COUNTS = (200, 500, 1_000, 2_000, 5_000, 10_000)
Ranges = tuple[tuple[str, int, int], ...]
"""By network the least and the most of its confidence, in percent."""
_RANGE = re.compile(r"[\w.-]{1,80}:\d{1,3}:\d{1,3}", re.ASCII)
SOURCES: Mapping[str, str] = {"gallery": "of the gallery", "own": "of your own"}
ORDERS: Mapping[str, str] = {
    "rule": "as the rule does", "surest": "surest first", "least-sure": "least sure first", "class": "by class",
}  # fmt: skip
"""In what order what a rule picks is shown; sure is the first network."""
EVERY_CLASS = 0


@dataclass(frozen=True, slots=True)
class FindChoice(PageChoice):
    """What the page shows besides the shared choice.

    Attributes:
        rule: key of `RULES`.
        source: key of `SOURCES`.
        of_class: the class of the pictures shown, counted from 1: the true one, or the first network's answer where
            that is unknown; `EVERY_CLASS` for all.
        order: key of `ORDERS`.
    """

    leaves_out_defaults = True
    rule: str = next(iter(RULES))
    source: str = "gallery"
    of_class: int = EVERY_CLASS
    tests: int = COUNTS[0]
    sure: Ranges = ()
    order: str = next(iter(ORDERS))

    @classmethod
    def opening(cls, beside: Beside) -> Self:
        """The view of a visit without a link: the first rule that so many networks can answer without more."""
        simple = (rule for rule in RULES.values() if not (rule.labels or rule.flags or rule.attacked))
        return cls(next(rule.key for rule in simple if rule.networks <= len(beside.choice.models)))

    @classmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""
        return FIELDS

    def within(self, choice: Choice, options: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other classes."""
        task = task_named(choice.task)
        return replace(
            self,
            of_class=self.of_class if self.of_class <= task.classes else EVERY_CLASS,
            tests=self.tests if self.tests in counts_of(task) else COUNTS[0],
            sure=tuple(one for one in self.sure if one[0] in choice.models),
        )


def counts_of(task: Task) -> tuple[int, ...]:
    """How many test images of a task can be searched."""
    return tuple(count for count in COUNTS if count <= most_tests(task))


def parse_ranges(text: str) -> Ranges | None:
    """The ranges that a link's text means; None for a text that means none."""
    parts = text[:1000].split(",")
    if not all(_RANGE.fullmatch(part) for part in parts):
        return None
    return tuple((key, int(low), int(high)) for key, low, high in (part.split(":") for part in parts))


def ranges_text(ranges: Ranges) -> str:
    """Ranges in a link."""
    return ",".join(f"{key}:{low}:{high}" for key, low, high in ranges)


def _are_ranges(value: Any, part: FindChoice, beside: Beside) -> bool:
    """Whether a value from anyone is ranges of networks that are shown, each once."""
    if not isinstance(value, tuple) or not all(isinstance(one, tuple) and len(one) == 3 for one in value):
        return False
    keys = [one[0] for one in value]
    inside = all(isinstance(low, int) and isinstance(high, int) and 0 <= low <= high <= 100 for _, low, high in value)
    return inside and len(set(keys)) == len(keys) and set(keys) <= set(beside.choice.models)


def _with_range(part: FindChoice, one: tuple[str, int, int], beside: Beside) -> FindChoice:
    others = tuple(each for each in part.sure if each[0] != one[0])
    return replace(part, sure=others if one[1:] == (0, 100) else (*others, one))


FIELDS: tuple[QueryField[FindChoice, Beside], ...] = (
    QueryField("rule", "rule", str, one_of(RULES), f"must be one of {', '.join(RULES)}"),
    QueryField("pictures", "source", str, one_of(SOURCES), f"must be {' or '.join(SOURCES)}"),
    QueryField(
        "class", "of_class", WHOLE, whole(EVERY_CLASS, lambda part, beside: beside.task.classes),
        "must be the number of a class of this task, from 1",
    ),
    QueryField(
        "tests", "tests", matching(r"\d{1,5}", int), one_of(lambda part, beside: counts_of(beside.task)),
        "must be a number of test images that the page offers",
    ),
    QueryField(
        "sure", "sure", parse_ranges, _are_ranges,
        "must name networks that are shown, each with the least and the most percent, such as standard:50:100",
        text=ranges_text,
    ),
    QueryField("order", "order", str, one_of(ORDERS), f"must be one of {', '.join(ORDERS)}"),
    QueryField("", "range", str, lambda one, part, beside: _are_ranges((one,), part, beside), "", put=_with_range),
)  # fmt: skip
