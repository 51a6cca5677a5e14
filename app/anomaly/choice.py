"""The Anomaly page's part of the choice: what is asked, by which detector, under which label, and how it is pushed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from app.state.choice import Choice, Options
from core.anomaly.calibration import DEFAULT, DETECTORS
from core.anomaly.confounding import HEADS, LABELS, ConfoundingLabel
from core.anomaly.verdict import changes, strengths
from core.data.tasks import task_named

VIEWS: Mapping[str, str] = {"one": "One picture", "many": "Many pictures", "measured": "How far to trust it"}
ALPHAS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
FIRST_ALPHA = 0.05
TENSORS: Mapping[str, str] = {"all": "every tensor", "weights": "weights alone"}
FIRST_M = 2


@dataclass(frozen=True, slots=True)
class AnomalyChoice:
    """What the page shows besides the shared choice.

    Attributes:
        view: key of `VIEWS`.
        detector: key of `DETECTORS`: whose verdict stands large.
        alpha: the share of normal pictures that may be flagged.
        label: the confounding label, one of `LABELS`.
        head: the loss, one of `HEADS`.
        m: classes in a label of some.
        tensors: key of `TENSORS`: which layers count.
        push: one of `changes()`: how the picture is pushed.
        step: how far, a place among the change's strengths.
        seen: the network whose report is looked at.
    """

    view: str
    detector: str
    alpha: float
    label: str
    head: str
    m: int
    tensors: str
    push: str
    step: int
    seen: str

    @property
    def probe(self) -> ConfoundingLabel:
        """Label and loss, for the engine."""
        label = next(known for known in LABELS if known == self.label)
        return ConfoundingLabel(
            label, next(known for known in HEADS if known == self.head), self.m if self.some else FIRST_M
        )

    @property
    def some(self) -> bool:
        """Whether the label is of `m` classes."""
        return self.label in ("m-hot", "top-m")

    def to_query(self) -> dict[str, str]:
        """The query parameters of a link to this view."""
        query = {
            "view": self.view,
            "detector": self.detector,
            "alpha": f"{self.alpha:g}",
            "label": self.label,
            "head": self.head,
            "tensors": self.tensors,
            "push": self.push,
            "step": f"{self.step}",
            "seen": self.seen,
        }
        return query | ({"m": f"{self.m}"} if self.some else {})

    def within(self, choice: Choice, world: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other classes and networks."""
        task = task_named(choice.task)
        return replace(
            self,
            m=min(self.m, task.classes),
            step=min(self.step, len(strengths(task, self.push)) - 1),
            seen=self.seen if self.seen in world.models[choice.task] else choice.models[0],
        )

    def change(self, field: str, value: Any, choice: Choice, world: Options) -> Self:
        """It with one field changed; unchanged where the value is not possible."""
        task = task_named(choice.task)
        possible: Mapping[str, Callable[[], bool]] = {
            "view": lambda: value in VIEWS,
            "detector": lambda: value in DETECTORS,
            "alpha": lambda: value in ALPHAS,
            "label": lambda: value in LABELS,
            "head": lambda: value in heads(self.label),
            "m": lambda: isinstance(value, int) and 1 <= value <= task.classes,
            "tensors": lambda: value in TENSORS,
            "push": lambda: value in changes(),
            "step": lambda: isinstance(value, int) and 0 <= value < len(strengths(task, self.push)),
            "seen": lambda: value in world.models[choice.task],
        }
        if not possible[field]():
            return self
        changed = replace(self, **{field: value})
        if changed.head not in heads(changed.label):
            changed = replace(changed, head=HEADS[0])
        return changed.within(choice, world)


def heads(label: str) -> tuple[str, ...]:
    """The losses that a label can have: cross-entropy asks nothing where no class is said to be there."""
    return tuple(head for head in HEADS if (label, head) != ("zeros", "cross-entropy"))


def default(choice: Choice) -> AnomalyChoice:
    """The view of a first visit: the papers' label and loss, 5 % false alarms, PGD at half of the reported radius."""
    return AnomalyChoice("one", DEFAULT, FIRST_ALPHA, "ones", "sigmoid", FIRST_M, "weights", "pgd", 3, choice.models[0])


def read(query: Mapping[str, str], choice: Choice, world: Options) -> tuple[AnomalyChoice, list[str]]:
    """The view that query parameters from anyone describe, and a sentence for each value that had to be replaced."""
    found, notes = default(choice), []
    rules: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
        "view": ("view", str, f"must be {' or '.join(VIEWS)}"),
        "detector": ("detector", str, f"must be one of {', '.join(DETECTORS)}"),
        "alpha": ("alpha", _decimal, f"must be one of {', '.join(f'{alpha:g}' for alpha in ALPHAS)}"),
        "label": ("label", str, f"must be one of {', '.join(LABELS)}"),
        "head": ("head", str, f"must be one of {', '.join(HEADS)}, and no cross-entropy without a label"),
        "m": ("m", _whole, "must be a number of this task's classes"),
        "tensors": ("tensors", str, f"must be {' or '.join(TENSORS)}"),
        "push": ("push", str, f"must be one of {', '.join(changes())}"),
        "step": ("step", _whole, "must be a step of this change, counted from 0"),
        "seen": ("seen", str, "must name a network of this task here"),
    }
    for name, (field, parse, rule) in rules.items():
        if name in query:
            value = parse(query[name])
            found = found.change(field, value, choice, world)
            if getattr(found, field) != value:
                notes.append(f"The link's `{name}` {rule}; the usual one is used.")
    return found, notes


def _decimal(text: str) -> float | None:
    return float(text) if re.fullmatch(r"0\.\d{1,4}", text, re.ASCII) else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,3}", text, re.ASCII) else None
