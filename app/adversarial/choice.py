"""The Adversarial page's part of the choice: budget, class, cell of the transfer matrix, and which map is fooled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from app.state.choice import Choice, Options
from app.state.epsilon_scale import size_dial
from app.state.page_choice import Beside, PageChoice, network_here
from app.state.query_fields import DECIMAL, WHOLE, QueryField, between, keys, matching, one_of, whole
from core.data.tasks import task_named
from core.explanations.smoothed_network import SMOOTHED_METHODS
from core.saliency.catalogue import SALIENCY_METHODS

RHO_TOP, RHO_STEP = 0.1, 0.005
RHO_FIRST = 0.1  # the reference's budget
AWAY = "away"  # in place of a class: the network is driven from its own answer
SIGMAS = (0.03, 0.06, 0.12, 0.18, 0.25, 0.5, 1.0)
DRAWS = (1_000, 10_000, 100_000)
SHOWN: Mapping[str, str] = {"picture": "picture", "change": "change"}
METHOD_TITLES: Mapping[str, str] = {key: SALIENCY_METHODS[key].title for key in SMOOTHED_METHODS}
REGION_TITLES: Mapping[str, str] = {
    "top-left": "↖ top left",
    "top-right": "↗ top right",
    "centre": "• centre",
    "bottom-left": "↙ bottom left",
    "bottom-right": "↘ bottom right",
}


@dataclass(frozen=True, slots=True)
class AdversarialChoice(PageChoice):
    """What the page shows besides the shared choice.

    Attributes:
        rho: budget of an explanation, an RMSE in [0, 1] pixel units.
        target: the class, by name, that the path leads to, or `AWAY`.
        shown: key of `SHOWN`.
        attack: the transfer matrix's attack; which there are is the report's to say.
        at: its epsilon in [0, 1] pixel units, snapped to the report's.
        source: the network that a transferred image was made against, or "".
        seen: the network that is asked about it, or "".
        method: key of `METHOD_TITLES`.
        region: key of `REGION_TITLES`.
        size: how far a pixel may move to fool a heat map, n/255.
        sigma: of the noise under which a certificate's votes are taken, one of `SIGMAS`.
        draws: how many votes, one of `DRAWS`.
    """

    rho: float
    target: str
    shown: str
    attack: str
    at: float
    source: str
    seen: str
    method: str
    region: str
    size: int
    sigma: float
    draws: int

    @property
    def cell(self) -> tuple[str, str]:
        """The cell of the transfer matrix: source and seen."""
        return (self.source, self.seen)

    @classmethod
    def first(cls, beside: Beside) -> Self:
        """The view of a first visit: the reference's budget, a path to a class that the picture hardly shows."""
        task = beside.task
        target = next((name for name in ("dog", "trouser") if name in task.class_names), task.class_names[-1])
        at, reported = round(task.radii["linf"], 4), int(size_dial(task).reported)
        return cls(RHO_FIRST, target, "picture", "fgsm", at, "", "", "gradient", "bottom-right", reported, 0.12, 1000)

    @classmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""
        return FIELDS

    def within(self, choice: Choice, options: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other classes, networks and sizes."""
        models, task = options.models[choice.task], task_named(choice.task)
        cell = (self.source, self.seen) if self.source in models and self.seen in models else ("", "")
        return replace(
            self,
            target=self.target if self.target in targets(choice) else self.first(Beside(choice, options)).target,
            source=cell[0],
            seen=cell[1],
            size=min(self.size, int(size_dial(task).top)),
        )


def targets(choice: Choice) -> tuple[str, ...]:
    """What a path can lead to: each class of the task, and away from the network's answer."""
    return (*task_named(choice.task).class_names, AWAY)


def snap(rho: float) -> float:
    """The nearest budget on the slider."""
    return round(round(rho / RHO_STEP) * RHO_STEP, 4)


def _with_source(part: AdversarialChoice, key: str, beside: Beside) -> AdversarialChoice:
    return replace(part, source=key, seen=part.seen or key)


def _with_seen(part: AdversarialChoice, key: str, beside: Beside) -> AdversarialChoice:
    return replace(part, seen=key, source=part.source or key)


def _top(part: AdversarialChoice, beside: Beside) -> int:
    """The furthest that a pixel may move, n/255."""
    return int(size_dial(beside.task).top)


FIELDS: tuple[QueryField[AdversarialChoice, Beside], ...] = (
    QueryField(
        "rho", "rho", DECIMAL, between(0, RHO_TOP), f"must lie between 0 and {RHO_TOP:g}",
        clean=lambda rho, part, beside: snap(rho),
    ),
    QueryField(
        "target", "target", str, one_of(lambda part, beside: targets(beside.choice)),
        f"must be a class of this task, or {AWAY}",
    ),
    QueryField("show", "shown", str, one_of(SHOWN), f"must be {' or '.join(SHOWN)}"),
    QueryField(
        "attack", "attack", str,
        lambda value, part, beside: isinstance(value, str) and bool(re.fullmatch(r"[a-z0-9-]{1,24}", value)),
        "is not an attack's name",
    ),
    QueryField(
        "at", "at", DECIMAL, between(0, 1), "must lie between 0 and 1",
        clean=lambda at, part, beside: round(float(at), 4),
    ),
    QueryField("", "source", str, network_here, "", put=_with_source),
    QueryField("", "seen", str, network_here, "", put=_with_seen),
    QueryField(
        "cell", "cell", keys,
        lambda value, part, beside: isinstance(value, tuple) and len(value) == 2 and {*value} <= {*beside.models},
        "must name two networks of this task here",
        put=lambda part, cell, beside: replace(part, source=cell[0], seen=cell[1]),
        written=lambda part: bool(part.source),
    ),
    QueryField("method", "method", str, one_of(METHOD_TITLES), f"must be {' or '.join(METHOD_TITLES)}"),
    QueryField("region", "region", str, one_of(REGION_TITLES), f"must be {' or '.join(REGION_TITLES)}"),
    QueryField(
        "move", "size", WHOLE, whole(0, _top),
        lambda part, beside, text: f"must be a whole number of levels from 0 to {_top(part, beside)}",
    ),
    QueryField("sigma", "sigma", DECIMAL, one_of(SIGMAS), f"must be one of {', '.join(map(str, SIGMAS))}"),
    QueryField(
        "draws", "draws", matching(r"\d{1,6}", int), one_of(DRAWS), f"must be one of {', '.join(map(str, DRAWS))}"
    ),
)  # fmt: skip
