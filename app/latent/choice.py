"""The Latent page's part of the choice: the code, where the sliders stand, and what is searched and drawn around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from app.latent.natural import amounts as natural
from app.state import autoencoders, openings
from app.state.choice import Choice, Options
from app.state.page_choice import Beside, PageChoice
from app.state.query_fields import WHOLE, Check, QueryField, between, matching, one_of, whole
from app.state.windows import window_text
from core.data.tasks import Task, task_named
from core.decoding.window import AS_IT_CAME
from core.errors import CoreError
from core.latent.directions import RANGES, Kind
from core.natural.catalogue import GROUPS
from core.natural.change import Group

LEADING: tuple[str, ...] = ("d1", "d2", "d3", "d4", "d5")
STRAIGHT: tuple[str, ...] = (*LEADING, "mix")
AXES: tuple[str, ...] = (*STRAIGHT, "decay", "noise")
CENTRES = (0.0, 0.5, 1.0)  # noise magnitudes whose decay a search starts with; the report has the last two
AROUND_TOP, AROUND_FIRST = 2.0, 0.5
MOST_DRAWS = 9999
CODES = ("generation", "reconstruction")
MEASURES = ("severity", "accuracy", "noise", "change")
VIEWS: Mapping[str, str] = {"generator": "What a generator knows", "natural": "Natural changes"}


@dataclass(frozen=True, slots=True)
class LatentChoice(PageChoice):
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
        noise: magnitude of the noise, epsilon.
        draw: which noise.
        scrub: the slider, one of `AXES`, that the player goes along.
        centre: noise magnitude, one of `CENTRES`, with whose decay a search starts.
        other: key of the gallery picture at the other end of the way between two pictures; "" for the first other.
        around: noise magnitude of the neighbours.
        cast: which neighbours.
        codes: of the report, one of `CODES`.
        measure: of its scatter, one of `MEASURES`.
        view: one of `VIEWS`; "" for the natural changes of a task that has no generator, and the generator elsewhere.
        changes: the natural changes whose sliders are shown, one of `GROUPS`.
        amounts: of the natural changes that are not at rest, by key in the catalogue's order; another picture keeps
            them.
        of: the picture that label, code and sliders belong to: another one starts anew. It is no part of a link.
    """

    leaves_out_defaults = True
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
    view: str = ""
    changes: Group = "view"
    amounts: natural.Amounts = ()
    of: tuple[str, ...] = field(default=(), compare=False)

    @property
    def at(self) -> tuple[float, ...]:
        """Where the sliders stand, in the order of `AXES`."""
        return tuple(float(getattr(self, axis)) for axis in AXES)

    @property
    def moves(self) -> tuple[float, ...]:
        """Where the sliders of the leading directions stand."""
        return self.at[: len(LEADING)]

    @classmethod
    def first(cls, beside: Beside) -> Self:
        """What a link is taken to mean that says nothing."""
        return cls(of=_picture_of(beside.choice))

    @classmethod
    def opening(cls, beside: Beside) -> Self:
        """The view of a visit without a link: the slider that turns the standard network alone, where one was found."""
        first, choice = cls.first(beside), beside.choice
        found = openings.opening_of(choice.task, "latent")
        plain = choice.fit == "crop" and not choice.invert and choice.window == AS_IT_CAME
        if found is None or not found.direction or choice.image != found.picture or not plain:
            return first
        moves: dict[str, Any] = {LEADING[found.direction - 1]: found.position}
        return replace(first, **moves)

    @classmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""
        return FIELDS

    def within(self, choice: Choice, options: Options) -> Self:
        """The nearest that is possible beside a choice: another picture has another code, and sliders at rest.

        Another task is opened as on a first visit, with its own slider moved.
        """
        here, names = _picture_of(choice), task_named(choice.task).class_names
        part = self if self.of == here else replace(self.at_rest(), label="", code="")
        if self.of and self.of[0] != choice.task:
            opened = self.opening(Beside(choice, options))
            part = replace(part, **{axis: getattr(opened, axis) for axis in LEADING})
        towards = part.towards if part.towards in names and part.towards != part.label else ""
        other = part.other if part.other in options.images[choice.task] else ""
        kept = natural.possible(part.amounts, task_named(choice.task))
        part = replace(part, amounts=kept)
        return replace(part, towards=towards, mix=part.mix if towards == part.towards else 0.0, other=other, of=here)

    def shows(self, task: Task) -> str:
        """Which of `VIEWS` is shown."""
        return self.view or _usual_view(task)

    def at_rest(self) -> Self:
        """It with all sliders at rest."""
        fields: dict[str, Any] = dict.fromkeys(AXES, 0.0)
        return replace(self, **fields)

    def way(self, task: Task, label: int) -> int:
        """The class that the class slider leads to, for a code of class `label`."""
        if self.towards in task.class_names and task.class_names.index(self.towards) != label:
            return task.class_names.index(self.towards)
        return next(other for other in range(task.classes) if other != label)


def is_code(task: str, text: Any) -> bool:
    """Whether a text from anyone is a code of a task's generator."""
    try:
        return isinstance(text, str) and len(autoencoders.parse_code(task, text)) == 1
    except CoreError:
        return False


def _code_rule(part: LatentChoice, beside: Beside, text: str) -> str:
    """Why a code can't be used."""
    try:
        autoencoders.parse_code(beside.choice.task, text)
    except CoreError as error:
        words = str(error).rstrip(".")
        return f"can't be used: {words}."
    return "can't be used."


def _picture_of(choice: Choice) -> tuple[str, ...]:
    return (choice.task, choice.image, choice.fit, str(choice.invert), window_text(choice.window))


def _usual_view(task: Task) -> str:
    return "generator" if autoencoders.has_autoencoder(task.key) else "natural"


def _float(value: Any, part: LatentChoice, beside: Beside) -> float:
    return float(value)


def _rested(part: LatentChoice, value: Any, beside: Beside) -> LatentChoice:
    return part.at_rest()


def _with_start(part: LatentChoice, start: tuple[str, str], beside: Beside) -> LatentChoice:
    """Label and code at once; the sliders come to rest."""
    return replace(part.at_rest(), label=start[0], code=start[1])


def _with_moves(part: LatentChoice, moves: tuple[float, ...], beside: Beside) -> LatentChoice:
    fields: dict[str, Any] = dict(zip(LEADING, moves, strict=True))
    return replace(part, **fields)


def _class_name(value: Any, part: LatentChoice, beside: Beside) -> bool:
    return value in beside.task.class_names


def _code(value: Any, part: LatentChoice, beside: Beside) -> bool:
    return value == "" or is_code(beside.choice.task, value)


def _slider(axis: str, rule: str, name: str = "") -> QueryField[LatentChoice, Beside]:
    """The position of a slider."""
    low, high = RANGES[_KINDS.get(axis, "straight")]
    return QueryField(name, axis, _NUMBER, between(low, high), rule, clean=_float)


_KINDS: Mapping[str, Kind] = {"decay": "decay", "noise": "noise"}
_NUMBER = matching(r"-?\d(\.\d{1,6})?", float)
_MOVES = matching(r"-?\d(\.\d{1,6})?(,-?\d(\.\d{1,6})?)*", lambda text: tuple(map(float, text.split(","))))
_ENDS = f"from −{RANGES['straight'][1]:g} to {RANGES['straight'][1]:g}"
_position: Check[LatentChoice, Beside] = between(*RANGES["straight"])
_COUNTS = f"must be a whole number from 1 to {MOST_DRAWS}"

FIELDS: tuple[QueryField[LatentChoice, Beside], ...] = (
    QueryField("as", "label", str, _class_name, "must be a class of this task"),
    QueryField("code", "code", str, _code, _code_rule, instead=" The picture's own code is used."),
    QueryField(
        "", "start", str,
        lambda start, part, beside: _class_name(start[0], part, beside) and _code(start[1], part, beside), "",
        put=_with_start,
    ),
    QueryField("", "rest", str, lambda value, part, beside: True, "", put=_rested),
    *(_slider(axis, "") for axis in LEADING),
    QueryField(
        "moves", "moves", _MOVES,
        lambda moves, part, beside: (
            isinstance(moves, tuple)
            and len(moves) == len(LEADING)
            and all(_position(one, part, beside) for one in moves)
        ),
        f"must be {len(LEADING)} numbers {_ENDS}", put=_with_moves,
    ),
    QueryField(
        "to", "towards", str, _class_name, "must be another class of this task",
        put=lambda part, name, beside: replace(part, towards=name, mix=0.0),
    ),
    _slider("mix", f"must be a number {_ENDS}", "mix"),
    _slider("decay", "must lie between 0 and 1", "decay"),
    _slider("noise", f"must lie between 0 and {RANGES['noise'][1]:g}", "noise"),
    QueryField("draw", "draw", WHOLE, whole(1, MOST_DRAWS), _COUNTS),
    QueryField("scrub", "scrub", str, one_of(AXES), f"must be {' or '.join(AXES)}"),
    QueryField(
        "centre", "centre", _NUMBER, one_of(CENTRES), f"must be {' or '.join(f'{one:g}' for one in CENTRES)}",
        clean=_float,
    ),
    QueryField(
        "with", "other", str, one_of(lambda part, beside: beside.options.images[beside.choice.task]),
        "is not in this server's gallery",
    ),
    QueryField(
        "around", "around", _NUMBER, between(0, AROUND_TOP), f"must lie between 0 and {AROUND_TOP:g}", clean=_float
    ),
    QueryField("cast", "cast", WHOLE, whole(1, MOST_DRAWS), _COUNTS),
    QueryField(
        "view", "view", str, one_of(VIEWS), f"must be {' or '.join(VIEWS)}",
        clean=lambda view, part, beside: "" if view == _usual_view(beside.task) else view,
    ),
    QueryField("changes", "changes", str, one_of(GROUPS), f"must be {' or '.join(GROUPS)}"),
    QueryField(
        "natural", "amounts", natural.parse, lambda found, part, beside: natural.are_possible(found, beside.task),
        "must name natural changes with amounts within their ranges, such as rotation:12,fog:0.3",
        instead="; the picture is shown as it is.", clean=lambda found, part, beside: natural.moved(found),
        text=natural.as_text,
    ),
    QueryField(
        "", "amount", str, lambda one, part, beside: natural.are_possible((one,), beside.task), "",
        put=lambda part, one, beside: replace(part, amounts=natural.moved((*part.amounts, one))),
    ),
    QueryField("codes", "codes", str, one_of(CODES), f"must be {' or '.join(CODES)}"),
    QueryField("measure", "measure", str, one_of(MEASURES), f"must be {' or '.join(MEASURES)}"),
)  # fmt: skip
