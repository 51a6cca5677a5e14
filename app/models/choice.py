"""The Models page's part of the choice: which saliency perturbation is made, step by step, and for which network."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from app.state.choice import PHOTO, Choice, Options
from app.state.epsilon_scale import size_dial
from app.state.uploads import UPLOAD
from core.data.tasks import task_named
from core.training.recipes.saliency_maps import STRONG_MAPS

BOX, GIVEN, NONE = "box", "given", "none"

MAP_TITLES: Mapping[str, str] = {
    "gradient-sign": "Sign of the gradient",
    "guided-sign": "Sign of guided backpropagation",
    "smooth-grad": "SmoothGrad",
    "grad-cam++": "Grad-CAM++",
    "guided-grad-cam++": "Guided Grad-CAM++",
    "gradient-grad-cam++": "Gradient and Grad-CAM++",
    "integrated-gradients": "Integrated gradients of the loss",
    BOX: "A box that you set",
    GIVEN: "The picture's own box or mask",
    NONE: "No map: noise alone",
}

ANNOTATED = ("tiny20", "pasted")  # tasks whose test images come with a box or a mask

LAST_EPOCH = 100

FIRST_EPOCH = 10

FIRST_ALPHA = 0.95


@dataclass(frozen=True, slots=True)
class PerturbationChoice:
    """What the construction shows.

    Attributes:
        maps: key of `MAP_TITLES`.
        teacher: the network whose map is taken, where the map is a network's.
        network: the network whose loss is asked.
        size: epsilon in n/255.
        epoch: counted from 0.
        alpha: annealing base, two decimals.
        across: first and last column of the box that the visitor sets.
        down: its first and last row.
    """

    maps: str
    teacher: str
    network: str
    size: int
    epoch: int
    alpha: float
    across: tuple[int, int]
    down: tuple[int, int]

    @property
    def box(self) -> tuple[int, ...]:
        """The box as left, right, top, bottom."""
        return (*self.across, *self.down)

    @property
    def of_teacher(self) -> bool:
        """Whether the map is a network's."""
        return self.maps in STRONG_MAPS

    def to_query(self) -> dict[str, str]:
        """The query parameters of a link to this view."""
        query = {
            "map": self.maps,
            "teacher": self.teacher,
            "network": self.network,
            "size": f"{self.size}",
            "epoch": f"{self.epoch}",
            "alpha": f"{self.alpha:g}",
        }
        if self.maps == BOX:
            query["box"] = ",".join(map(str, self.box))
        return query

    def within(self, choice: Choice, world: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other networks and sides, and often no box."""
        usual, models, task = default(choice, world), world.models[choice.task], task_named(choice.task)
        fits = _inside(self.across, task.shape[2]) and _inside(self.down, task.shape[1])
        return replace(
            self,
            maps=self.maps if self.maps in map_options(choice) else usual.maps,
            teacher=self.teacher if self.teacher in models else usual.teacher,
            network=self.network if self.network in models else usual.network,
            size=min(self.size, int(size_dial(task).top)),
            across=self.across if fits else usual.across,
            down=self.down if fits else usual.down,
        )

    def change(self, field: str, value: Any, choice: Choice, world: Options) -> Self:
        """It with one field changed; unchanged where the value is not possible."""
        models, task = world.models[choice.task], task_named(choice.task)
        possible = {
            "maps": lambda: value in map_options(choice),
            "teacher": lambda: value in models,
            "network": lambda: value in models,
            "size": lambda: isinstance(value, int) and 0 <= value <= size_dial(task).top,
            "epoch": lambda: isinstance(value, int) and 0 <= value <= LAST_EPOCH,
            "alpha": lambda: isinstance(value, int | float) and 0 <= value <= 1,
            "across": lambda: _inside(value, task.shape[2]),
            "down": lambda: _inside(value, task.shape[1]),
            "box": lambda: _inside(value[:2], task.shape[2]) and _inside(value[2:], task.shape[1]),
        }
        if not possible[field]():
            return self
        fields: dict[str, Any] = {field: round(value, 2) if field == "alpha" else value}
        return replace(self, **({"across": value[:2], "down": value[2:]} if field == "box" else fields))


def map_options(choice: Choice) -> tuple[str, ...]:
    """The maps that the chosen picture can have."""
    annotated = choice.task in ANNOTATED and not choice.image.startswith((PHOTO, UPLOAD))
    return tuple(key for key in MAP_TITLES if key != GIVEN or annotated)


def default(choice: Choice, world: Options) -> PerturbationChoice:
    """The view of a first visit: a robust network's gradient sign at the reported radius, tried on itself."""
    models, task = world.models[choice.task], task_named(choice.task)
    _, height, width = task.shape
    return PerturbationChoice(
        "gradient-sign",
        "pgd-linf" if "pgd-linf" in models else models[0],
        "pgd-linf" if "pgd-linf" in models else models[0],
        int(size_dial(task).reported),
        FIRST_EPOCH,
        FIRST_ALPHA,
        (width // 4, width - 1 - width // 4),
        (height // 4, height - 1 - height // 4),
    )


def read(query: Mapping[str, str], choice: Choice, world: Options) -> tuple[PerturbationChoice, list[str]]:
    """The view that query parameters from anyone describe, and a sentence for each value that had to be replaced."""
    found, notes = default(choice, world), []
    top, last = f"{size_dial(task_named(choice.task)).top:g}", max(task_named(choice.task).shape[1:]) - 1
    rules: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
        "map": ("maps", str, "is not one that this picture can have"),
        "teacher": ("teacher", str, "is not a network of this task here"),
        "network": ("network", str, "is not a network of this task here"),
        "size": ("size", _whole, f"must be a whole number of levels from 0 to {top}"),
        "epoch": ("epoch", _whole, f"must be a whole number from 0 to {LAST_EPOCH}"),
        "alpha": ("alpha", _decimal, "must lie between 0 and 1, with two decimals"),
        "box": ("box", _four, f"must be left,right,top,bottom, each from 0 to {last}"),
    }
    for name, (field, parse, rule) in rules.items():
        if name in query:
            value = parse(query[name])
            found = found.change(field, value, choice, world)
            if getattr(found, field) != value:
                notes.append(f"The link's `{name}` {rule}; the usual one is used.")
    return found, notes


def _inside(span: Any, side: int) -> bool:
    """Whether `span` is a first and a last index on a side."""
    return isinstance(span, tuple) and len(span) == 2 and 0 <= span[0] <= span[1] < side


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else None


def _decimal(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d(\.\d{1,2})?", text, re.ASCII) else None


def _four(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if re.fullmatch(r"\d{1,3}(,\d{1,3}){3}", text, re.ASCII) else ()
