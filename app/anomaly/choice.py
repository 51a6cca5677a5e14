"""The Anomaly page's part of the choice: what is asked, by which detector, under which label, and how it is pushed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from app.state.choice import Choice, Options
from app.state.judgements import ALPHA
from app.state.page_choice import Beside, PageChoice, network_here
from app.state.query_fields import WHOLE, QueryField, matching, one_of, whole
from core.anomaly.catalogue import DEFAULT, DETECTORS
from core.anomaly.confounding import HEADS, LABELS, ConfoundingLabel
from core.anomaly.verdict import changes, strengths
from core.data.tasks import task_named

VIEWS: Mapping[str, str] = {"one": "One picture", "many": "Many pictures", "measured": "How far to trust it"}
ALPHAS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
NEAR: Mapping[str, str] = {"profile": "gradient norms", "features": "the network's features"}
TENSORS: Mapping[str, str] = {"all": "every tensor", "weights": "weights alone"}
FIRST_M = 2


@dataclass(frozen=True, slots=True)
class AnomalyChoice(PageChoice):
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
        near: key of `NEAR`: what pictures are near in.
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
    near: str

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

    @classmethod
    def first(cls, beside: Beside) -> Self:
        """The view of a first visit: the papers' label and loss, 5 % false alarms, PGD at half the reported radius."""
        seen = beside.choice.models[0]
        return cls("one", DEFAULT, ALPHA, "ones", "sigmoid", FIRST_M, "weights", "pgd", 3, seen, "profile")

    @classmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""
        return FIELDS

    def within(self, choice: Choice, options: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other classes and networks."""
        task = task_named(choice.task)
        return replace(
            self,
            m=min(self.m, task.classes),
            step=min(self.step, len(strengths(task, self.push)) - 1),
            seen=self.seen if self.seen in options.models[choice.task] else choice.models[0],
        )


def heads(label: str) -> tuple[str, ...]:
    """The losses that a label can have: cross-entropy asks nothing where no class is said to be there."""
    return tuple(head for head in HEADS if (label, head) != ("zeros", "cross-entropy"))


def _with_label(part: AnomalyChoice, label: str, beside: Beside) -> AnomalyChoice:
    return replace(part, label=label, head=part.head if part.head in heads(label) else HEADS[0])


FIELDS: tuple[QueryField[AnomalyChoice, Beside], ...] = (
    QueryField("view", "view", str, one_of(VIEWS), f"must be {' or '.join(VIEWS)}"),
    QueryField(
        "detector", "detector", str, one_of(DETECTORS),
        lambda part, beside, text: f"must be one of {', '.join(DETECTORS)}",
    ),
    QueryField(
        "alpha", "alpha", matching(r"0\.\d{1,4}", float), one_of(ALPHAS),
        f"must be one of {', '.join(f'{alpha:g}' for alpha in ALPHAS)}",
    ),
    QueryField("label", "label", str, one_of(LABELS), f"must be one of {', '.join(LABELS)}", put=_with_label),
    QueryField(
        "head", "head", str, one_of(lambda part, beside: heads(part.label)),
        f"must be one of {', '.join(HEADS)}, and no cross-entropy without a label",
    ),
    QueryField(
        "m", "m", WHOLE, whole(1, lambda part, beside: beside.task.classes), "must be a number of this task's classes",
        written=lambda part: part.some,
    ),
    QueryField("tensors", "tensors", str, one_of(TENSORS), f"must be {' or '.join(TENSORS)}"),
    QueryField(
        "push", "push", str, one_of(lambda part, beside: changes()),
        lambda part, beside, text: f"must be one of {', '.join(changes())}",
    ),
    QueryField(
        "step", "step", WHOLE, whole(0, lambda part, beside: len(strengths(beside.task, part.push)) - 1),
        "must be a step of this change, counted from 0",
    ),
    QueryField(
        "seen", "seen", str, network_here, "must name a network of this task here"
    ),
    QueryField("near", "near", str, one_of(NEAR), f"must be {' or '.join(NEAR)}"),
)  # fmt: skip
