"""The Adversarial page's part of the choice: budget, class, cell of the transfer matrix, and which map is fooled."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from app.state.choice import Choice, Options
from app.state.epsilon_scale import size_dial
from core.data.tasks import task_named

RHO_TOP, RHO_STEP = 0.1, 0.005
RHO_FIRST = 0.1  # the reference's budget
AWAY = "away"  # in place of a class: the network is driven from its own answer
SHOWN: Mapping[str, str] = {"picture": "picture", "change": "change"}
METHOD_TITLES: Mapping[str, str] = {
    "gradient": "Gradient",
    "integrated-gradients": "Integrated gradients",
    "grad-cam": "Grad-CAM",
}
REGION_TITLES: Mapping[str, str] = {
    "top-left": "↖ top left",
    "top-right": "↗ top right",
    "centre": "• centre",
    "bottom-left": "↙ bottom left",
    "bottom-right": "↘ bottom right",
}


@dataclass(frozen=True, slots=True)
class AdversarialChoice:
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

    def to_query(self) -> dict[str, str]:
        """The query parameters of a link to this view."""
        query = {
            "rho": f"{self.rho:g}",
            "target": self.target,
            "show": self.shown,
            "attack": self.attack,
            "at": f"{self.at:g}",
            "method": self.method,
            "region": self.region,
            "move": f"{self.size}",
        }
        return query | ({"cell": f"{self.source},{self.seen}"} if self.source else {})

    def within(self, choice: Choice, world: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other classes, networks and sizes."""
        usual, models, task = default(choice), world.models[choice.task], task_named(choice.task)
        cell = (self.source, self.seen) if self.source in models and self.seen in models else ("", "")
        return replace(
            self,
            target=self.target if self.target in targets(choice) else usual.target,
            source=cell[0],
            seen=cell[1],
            size=min(self.size, int(size_dial(task).top)),
        )

    def change(self, field: str, value: Any, choice: Choice, world: Options) -> Self:
        """It with one field changed; unchanged where the value is not possible. "cell" is source and seen at once."""
        models, task = world.models[choice.task], task_named(choice.task)
        possible = {
            "rho": lambda: _number(value) and 0 <= value <= RHO_TOP,
            "target": lambda: value in targets(choice),
            "shown": lambda: value in SHOWN,
            "attack": lambda: isinstance(value, str) and bool(re.fullmatch(r"[a-z0-9-]{1,24}", value)),
            "at": lambda: _number(value) and 0 <= value <= 1,
            "source": lambda: value in models,
            "seen": lambda: value in models,
            "cell": lambda: isinstance(value, tuple) and len(value) == 2 and {*value} <= {*models},
            "method": lambda: value in METHOD_TITLES,
            "region": lambda: value in REGION_TITLES,
            "size": lambda: isinstance(value, int) and 0 <= value <= size_dial(task).top,
        }
        if not possible[field]():
            return self
        if field == "cell":
            return replace(self, source=value[0], seen=value[1])
        if field in ("source", "seen"):
            other = "seen" if field == "source" else "source"
            fields: dict[str, Any] = {field: value, other: getattr(self, other) or value}
            return replace(self, **fields)
        if field in ("rho", "at"):
            value = snap(value) if field == "rho" else round(float(value), 4)
        return replace(self, **{field: value})


def targets(choice: Choice) -> tuple[str, ...]:
    """What a path can lead to: each class of the task, and away from the network's answer."""
    return (*task_named(choice.task).class_names, AWAY)


def snap(rho: float) -> float:
    """The nearest budget on the slider."""
    return round(round(rho / RHO_STEP) * RHO_STEP, 4)


def default(choice: Choice) -> AdversarialChoice:
    """The view of a first visit: the reference's budget, a path to a class that the picture hardly shows."""
    names, task = task_named(choice.task).class_names, task_named(choice.task)
    reported = int(size_dial(task).reported)
    target = next((name for name in ("dog", "trouser") if name in names), names[-1])
    return AdversarialChoice(
        RHO_FIRST, target, "picture", "fgsm", round(task.radii["linf"], 4), "", "", "gradient", "bottom-right", reported
    )


def read(query: Mapping[str, str], choice: Choice, world: Options) -> tuple[AdversarialChoice, list[str]]:
    """The view that query parameters from anyone describe, and a sentence for each value that had to be replaced."""
    found, notes = default(choice), []
    top = f"{size_dial(task_named(choice.task)).top:g}"
    rules: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
        "rho": ("rho", _decimal, f"must lie between 0 and {RHO_TOP:g}"),
        "target": ("target", str, f"must be a class of this task, or {AWAY}"),
        "show": ("shown", str, f"must be {' or '.join(SHOWN)}"),
        "attack": ("attack", str, "is not an attack's name"),
        "at": ("at", _decimal, "must lie between 0 and 1"),
        "cell": ("cell", lambda text: tuple(text.split(",")), "must name two networks of this task here"),
        "method": ("method", str, f"must be {' or '.join(METHOD_TITLES)}"),
        "region": ("region", str, f"must be {' or '.join(REGION_TITLES)}"),
        "move": ("size", _whole, f"must be a whole number of levels from 0 to {top}"),
    }
    for name, (field, parse, rule) in rules.items():
        if name in query:
            value = parse(query[name])
            found = found.change(field, value, choice, world)
            if not _took(found, field, value):
                notes.append(f"The link's `{name}` {rule}; the usual one is used.")
    return found, notes


def _took(found: AdversarialChoice, field: str, value: Any) -> bool:
    """Whether a field holds what was asked for."""
    if field == "cell":
        return (found.source, found.seen) == value
    if field in ("rho", "at") and isinstance(value, float):
        return bool(abs(getattr(found, field) - value) <= (RHO_STEP / 2 if field == "rho" else 5e-5) + 1e-9)
    return bool(getattr(found, field) == value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else None


def _decimal(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d(\.\d{1,6})?", text, re.ASCII) else None
