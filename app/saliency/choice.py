"""The Saliency page's part of the choice: methods, what is explained, how maps are drawn, and which is looked at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from app.state.choice import Choice, Options
from core.data.tasks import Task, task_named
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.metrics.map_agreement import AGREEMENTS
from core.saliency.measures import SALIENCY_MEASURES
from core.saliency.target import Target

FIRST_METHODS = ("gradient", "integrated-gradients", "smooth-grad", "grad-cam", "guided-backprop")
FIRST_MEASURES = ("insertion", "deletion", "stability-noise", "sparsity")
MOST_SHEET = 8  # pictures of a contact sheet

TOP, TRUE = "top", "true"
ALONE, OTHER = "", "other"
ROWS: Mapping[str, str] = {"methods": "methods", "networks": "networks"}
SCALES: Mapping[str, str] = {"method": "a method's maps", "all": "all maps", "own": "none"}
COLOURS: Mapping[str, str] = {"signed": "sign and strength", "strength": "strength alone"}
AGREED: Mapping[str, str] = {"": "this picture", "report": "the report's pictures"}
VIEWS: Mapping[str, str] = {"": "page", "present": "presenter", "guess": "guess the class"}
MEASURABLE = tuple(key for key, measure in SALIENCY_MEASURES.items() if measure.of == "map")


@dataclass(frozen=True, slots=True)
class SaliencyChoice:
    """What the page shows besides the shared choice.

    Attributes:
        methods: keys of the methods side by side, at least one.
        of: the class explained: `TOP`, `TRUE`, or a class by name.
        against: what it is held against: `ALONE`, `OTHER`, or a class by name.
        rows: key of `ROWS`.
        scale: key of `SCALES`: which maps share their colours' scale.
        colours: key of `COLOURS`.
        over: how much the maps cover the picture, in percent; 0 shows them alone.
        method: the method of the map that is looked at.
        seen: the network of that map.
        other: the network that it is compared with.
        measures: keys of the measures, at least one.
        agreement: key of `AGREEMENTS`: how maps are compared.
        agreed: key of `AGREED`: over which pictures.
        sheet: keys of the pictures of the contact sheet.
        view: key of `VIEWS`.
    """

    methods: tuple[str, ...]
    of: str
    against: str
    rows: str
    scale: str
    colours: str
    over: int
    method: str
    seen: str
    other: str
    measures: tuple[str, ...]
    agreement: str
    agreed: str
    sheet: tuple[str, ...]
    view: str

    def to_query(self) -> dict[str, str]:
        """The query parameters of a link to this view."""
        query = {
            "methods": ",".join(self.methods),
            "explain": self.of,
            "against": self.against,
            "rows": self.rows,
            "scale": self.scale,
            "colours": self.colours,
            "over": str(self.over),
            "map": f"{self.seen},{self.method}",
            "other": self.other,
            "measures": ",".join(self.measures),
            "agreement": self.agreement,
            "agreed": self.agreed,
            "sheet": ",".join(self.sheet),
            "view": self.view,
        }
        return {name: value for name, value in query.items() if value}

    def target(self, task: Task) -> Target:
        """What is explained, for the engine."""
        names = task.class_names
        against: int | Literal["other"] | None = "other" if self.against == OTHER else None
        if self.against in names:
            against = names.index(self.against)
        if self.of in names:
            return Target(names.index(self.of), against)
        return Target("true" if self.of == TRUE else "top", against)

    def within(self, choice: Choice, world: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other classes, networks and pictures."""
        seen = self.seen if self.seen in choice.models else choice.models[0]
        rest = [key for key in choice.models if key != seen]
        kept = tuple(key for key in self.sheet if key in world.images[choice.task])
        return replace(
            self,
            of=self.of if self.of in explainable(choice) else TOP,
            against=self.against if self.against in opposable(choice) else ALONE,
            method=self.method if self.method in self.methods else self.methods[0],
            seen=seen,
            other=self.other if self.other in rest else (rest[0] if rest else seen),
            sheet=kept,
        )

    def change(self, field: str, value: Any, choice: Choice, world: Options) -> Self:
        """It with one field changed; unchanged where the value is not possible. "map" is network and method at once."""
        possible: Mapping[str, Callable[[], bool]] = {
            "methods": lambda: _some(value, ATTRIBUTION_METHODS),
            "of": lambda: value in explainable(choice),
            "against": lambda: value in opposable(choice),
            "rows": lambda: value in ROWS,
            "scale": lambda: value in SCALES,
            "colours": lambda: value in COLOURS,
            "over": lambda: isinstance(value, int) and 0 <= value <= 100,
            "method": lambda: value in self.methods,
            "seen": lambda: value in choice.models,
            "other": lambda: value in choice.models,
            "map": lambda: len(value) == 2 and value[0] in choice.models and value[1] in self.methods,
            "measures": lambda: _some(value, MEASURABLE),
            "agreement": lambda: value in AGREEMENTS,
            "agreed": lambda: value in AGREED,
            "sheet": lambda: not value or (_some(value, world.images[choice.task]) and len(value) <= MOST_SHEET),
            "view": lambda: value in VIEWS,
        }
        if not possible[field]():
            return self
        if field == "map":
            return replace(self, seen=value[0], method=value[1]).within(choice, world)
        value = tuple(value) if isinstance(value, list) else value
        changed = replace(self, **{field: value})
        if changed.of == changed.against:  # a class can't be held against itself; the later word counts
            changed = replace(changed, against=ALONE) if field == "of" else replace(changed, of=TOP)
        return changed.within(choice, world)


def explainable(choice: Choice) -> tuple[str, ...]:
    """What a map can explain: each network's own answer, the true class, or a class of the task."""
    return (TOP, TRUE, *task_named(choice.task).class_names)


def opposable(choice: Choice) -> tuple[str, ...]:
    """What it can be held against."""
    return (ALONE, OTHER, *task_named(choice.task).class_names)


def default(choice: Choice) -> SaliencyChoice:
    """The view of a first visit: five methods, each network's own answer."""
    seen = choice.models[0]
    other = choice.models[1] if len(choice.models) > 1 else seen
    return SaliencyChoice(
        FIRST_METHODS, TOP, ALONE, "methods", "method", "signed", 0, FIRST_METHODS[0], seen, other, FIRST_MEASURES,
        "spearman", "", (), "",
    )  # fmt: skip


def read(query: Mapping[str, str], choice: Choice, world: Options) -> tuple[SaliencyChoice, list[str]]:
    """The view that query parameters from anyone describe, and a sentence for each value that had to be replaced."""
    found, notes = default(choice), []
    rules: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
        "methods": ("methods", _keys, "must name methods of this page, each once"),
        "explain": ("of", str, f"must be a class of this task, {TOP} or {TRUE}"),
        "against": ("against", str, f"must be another class of this task, or {OTHER}"),
        "rows": ("rows", str, f"must be {' or '.join(ROWS)}"),
        "scale": ("scale", str, f"must be {' or '.join(SCALES)}"),
        "colours": ("colours", str, f"must be {' or '.join(COLOURS)}"),
        "over": ("over", _whole, "must be a whole number of percent from 0 to 100"),
        "map": ("map", _keys, "must name a network and a method that are shown"),
        "other": ("other", str, "must name a network that is shown"),
        "measures": ("measures", _keys, "must name measures of this page, each once"),
        "agreement": ("agreement", str, f"must be one of {', '.join(AGREEMENTS)}"),
        "agreed": ("agreed", str, "must be report"),
        "sheet": ("sheet", _keys, f"must name up to {MOST_SHEET} pictures of this server's gallery"),
        "view": ("view", str, "must be present or guess"),
    }
    for name, (field, parse, rule) in rules.items():
        if name in query:
            value = parse(query[name])
            found = found.change(field, value, choice, world)
            if (found.seen, found.method) != value if field == "map" else getattr(found, field) != value:
                notes.append(f"The link's `{name}` {rule}; the usual one is used.")
    return found, notes


def _some(value: Any, known: Any) -> bool:
    """Whether a value is a list of known keys, at least one and each once."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and 0 < len(value) == len(set(value))
        and all(one in known for one in value)
    )


def _keys(text: str) -> tuple[str, ...]:
    return tuple(text[:2000].split(","))


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
