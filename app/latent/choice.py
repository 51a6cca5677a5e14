"""The Latent page's part of the choice: the code, where the sliders stand, and what is searched and drawn around it."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from app.latent import results
from app.state.choice import Choice, Options
from core.data.tasks import Task, task_named
from core.errors import CoreError
from core.latent.directions import RANGES, Kind

LEADING: tuple[str, ...] = ("d1", "d2", "d3", "d4", "d5")
STRAIGHT: tuple[str, ...] = (*LEADING, "mix")
AXES: tuple[str, ...] = (*STRAIGHT, "decay", "noise")
CENTRES = (0.0, 0.5, 1.0)  # noise magnitudes whose decay a search starts with; the report has the last two
AROUND_TOP, AROUND_FIRST = 2.0, 0.5
MOST_DRAWS = 9999
CODES = ("generation", "reconstruction")
MEASURES = ("severity", "accuracy", "noise", "change")


@dataclass(frozen=True, slots=True)
class LatentChoice:
    """What the page shows besides the shared choice.

    Attributes:
        label: name of the class as which the picture is taken; "" for the one that rebuilds it best.
        code: a code as text that is shown in place of the picture's own; "" for that.
        d1: position of the slider of the direction in which the picture changes most, in deviations of the prior.
        d2: of the next, and so on.
        d3: see `d2`.
        d4: see `d2`.
        d5: see `d2`.
        towards: name of the class that the class slider leads to; "" for the first other.
        mix: its position, in deviations of the prior.
        decay: the share of the code that is taken away, in [0, 1].
        noise: magnitude of the noise, eps.
        draw: which noise.
        scrub: the slider, one of `AXES`, that the player goes along.
        centre: noise magnitude, one of `CENTRES`, with whose decay a search starts.
        other: key of the gallery picture at the other end of the way between two pictures; "" for the first other.
        around: noise magnitude of the neighbours.
        cast: which neighbours.
        codes: of the report, one of `CODES`.
        measure: of its scatter, one of `MEASURES`.
        of: the picture that label, code and sliders belong to: another one starts anew. It is no part of a link.
    """

    label: str = ""
    code: str = ""
    d1: float = 0.0
    d2: float = 0.0
    d3: float = 0.0
    d4: float = 0.0
    d5: float = 0.0
    towards: str = ""
    mix: float = 0.0
    decay: float = 0.0
    noise: float = 0.0
    draw: int = 1
    scrub: str = AXES[0]
    centre: float = CENTRES[0]
    other: str = ""
    around: float = AROUND_FIRST
    cast: int = 1
    codes: str = CODES[0]
    measure: str = MEASURES[0]
    of: tuple[str, ...] = field(default=(), compare=False)

    @property
    def at(self) -> tuple[float, ...]:
        """Where the sliders stand, in the order of `AXES`."""
        return tuple(float(getattr(self, axis)) for axis in AXES)

    def to_query(self) -> dict[str, str]:
        """The query parameters of a link to this view; what stands as on a first visit is left out."""
        first = LatentChoice()
        moves = [getattr(self, axis) for axis in LEADING]
        query = {
            "as": self.label,
            "code": self.code,
            "moves": ",".join(f"{move:g}" for move in moves) if any(moves) else "",
            "to": self.towards,
            "with": self.other,
        }
        rest = ("mix", "decay", "noise", "draw", "scrub", "centre", "around", "cast", "codes", "measure")
        own = {name: getattr(self, name) for name in rest if getattr(self, name) != getattr(first, name)}
        query |= {name: value if isinstance(value, str) else f"{value:g}" for name, value in own.items()}
        return {name: value for name, value in query.items() if value}

    def within(self, choice: Choice, world: Options) -> Self:
        """The nearest that is possible beside a choice: another picture has another code, and sliders at rest."""
        here, names = _picture_of(choice), task_named(choice.task).class_names
        kept = self if self.of == here else replace(self.rested(), label="", code="")
        towards = kept.towards if kept.towards in names and kept.towards != kept.label else ""
        other = kept.other if kept.other in world.images[choice.task] else ""
        return replace(kept, towards=towards, mix=kept.mix if towards == kept.towards else 0.0, other=other, of=here)

    def rested(self) -> Self:
        """It with all sliders at rest."""
        fields: dict[str, Any] = dict.fromkeys(AXES, 0.0)
        return replace(self, **fields)

    def change(self, field: str, value: Any, choice: Choice, world: Options) -> Self:
        """It with one field changed; unchanged where the value is not possible.

        "start" is label and code at once, and puts the sliders to rest; "at" is some sliders at once, "rest" all.
        """
        names = task_named(choice.task).class_names
        possible: Mapping[str, Callable[[], bool]] = {
            "label": lambda: value in names,
            "code": lambda: value == "" or is_code(choice.task, value),
            "start": lambda: value[0] in names and (value[1] == "" or is_code(choice.task, value[1])),
            "moves": lambda: len(value) == len(LEADING) and all(_within(one, "d1") for one in value),
            "towards": lambda: value in names,
            "draw": lambda: _counts(value),
            "scrub": lambda: value in AXES,
            "centre": lambda: value in CENTRES,
            "other": lambda: value in world.images[choice.task],
            "around": lambda: _between(value, 0.0, AROUND_TOP),
            "cast": lambda: _counts(value),
            "codes": lambda: value in CODES,
            "measure": lambda: value in MEASURES,
            "rest": lambda: True,
        }
        if not (_within(value, field) if field in AXES else possible[field]()):
            return self
        fields: dict[str, Any] = {field: float(value) if field in (*AXES, "around", "centre") else value}
        if field in ("start", "rest"):
            fields = dict.fromkeys(AXES, 0.0)
        if field == "start":
            fields |= {"label": value[0], "code": value[1]}
        if field == "moves":
            fields = dict(zip(LEADING, map(float, value), strict=True))
        if field == "towards":
            fields["mix"] = 0.0
        return replace(self, **fields).within(choice, world)

    def way(self, task: Task, label: int) -> int:
        """The class that the class slider leads to, for a code of class `label`."""
        if self.towards in task.class_names and task.class_names.index(self.towards) != label:
            return task.class_names.index(self.towards)
        return next(other for other in range(task.classes) if other != label)


def read(query: Mapping[str, str], choice: Choice, world: Options) -> tuple[LatentChoice, list[str]]:
    """The view that query parameters from anyone describe, and a sentence for each value that had to be replaced."""
    found, notes = LatentChoice(of=_picture_of(choice)), []
    ends = f"from −{RANGES['straight'][1]:g} to {RANGES['straight'][1]:g}"
    rules: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
        "as": ("label", str, "must be a class of this task"),
        "code": ("code", str, ""),
        "moves": ("moves", _decimals, f"must be {len(LEADING)} numbers {ends}"),
        "to": ("towards", str, "must be another class of this task"),
        "mix": ("mix", _decimal, f"must be a number {ends}"),
        "decay": ("decay", _decimal, "must lie between 0 and 1"),
        "noise": ("noise", _decimal, f"must lie between 0 and {RANGES['noise'][1]:g}"),
        "draw": ("draw", _whole, f"must be a whole number from 1 to {MOST_DRAWS}"),
        "scrub": ("scrub", str, f"must be {' or '.join(AXES)}"),
        "centre": ("centre", _decimal, f"must be {' or '.join(f'{one:g}' for one in CENTRES)}"),
        "with": ("other", str, "is not in this server's gallery"),
        "around": ("around", _decimal, f"must lie between 0 and {AROUND_TOP:g}"),
        "cast": ("cast", _whole, f"must be a whole number from 1 to {MOST_DRAWS}"),
        "codes": ("codes", str, f"must be {' or '.join(CODES)}"),
        "measure": ("measure", str, f"must be {' or '.join(MEASURES)}"),
    }
    for name, (asked, parse, rule) in rules.items():
        if name in query:
            value = parse(query[name])
            found = found.change(asked, value, choice, world)
            if asked == "moves":
                took = tuple(getattr(found, axis) for axis in LEADING) == value
            else:
                took = getattr(found, asked) == value
            if not took and asked == "code":
                notes.append(f"{_why(choice.task, query[name])} The picture's own code is used.")
            elif not took:
                notes.append(f"The link's `{name}` {rule}; the usual one is used.")
    return found, notes


def is_code(task: str, text: Any) -> bool:
    """Whether a text from anyone is a code of a task's generator."""
    try:
        return isinstance(text, str) and len(results.parse_code(task, text)) == 1
    except CoreError:
        return False


def _why(task: str, text: str) -> str:
    """Why a code can't be used, one sentence."""
    try:
        results.parse_code(task, text)
    except CoreError as error:
        words = str(error).rstrip(".")
        return f"The link's `code` can't be used: {words}."
    return "The link's `code` can't be used."


def _picture_of(choice: Choice) -> tuple[str, ...]:
    return (choice.task, choice.image, choice.fit, str(choice.invert))


def _within(value: Any, axis: str) -> bool:
    """Whether a value is a position of a slider."""
    kinds: Mapping[str, Kind] = {"decay": "decay", "noise": "noise"}
    return _between(value, *RANGES[kinds.get(axis, "straight")])


def _between(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and low <= value <= high


def _counts(value: Any) -> bool:
    return isinstance(value, int) and 1 <= value <= MOST_DRAWS


def _decimals(text: str) -> tuple[float | None, ...]:
    return tuple(_decimal(part) for part in text[:200].split(","))


def _decimal(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d(\.\d{1,6})?", text, re.ASCII) else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else None
