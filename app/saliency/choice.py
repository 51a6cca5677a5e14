"""The Saliency page's part of the choice: methods, what is explained, how maps are drawn, and which is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from app.state.choice import Choice, Options
from app.state.page_choice import Beside, PageChoice
from app.state.query_fields import WHOLE, Check, QueryField, keys, matching, one_of, some_of, whole
from core.data.tasks import Task, task_named
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.metrics.map_agreement import AGREEMENTS
from core.saliency.measures.catalogue import measures_of_maps
from core.saliency.target import Target

FIRST_METHODS = ("gradient", "integrated-gradients", "smooth-grad", "grad-cam", "guided-backprop")
FIRST_MEASURES = ("insertion", "deletion", "stability-noise", "sparsity")
FIRST_OVER = 60  # percent
MOST_SHEET = 8  # pictures of a contact sheet

TOP, TRUE = "top", "true"
ALONE, OTHER = "", "other"
ROWS: Mapping[str, str] = {"methods": "methods", "networks": "networks"}
SCALES: Mapping[str, str] = {"method": "a method's maps", "all": "all maps", "own": "none"}
COLOURS: Mapping[str, str] = {"signed": "sign and strength", "strength": "strength alone"}
AGREED: Mapping[str, str] = {"": "this picture", "report": "the report's pictures"}
PRECISIONS: Mapping[str, str] = {"": "bfloat16", "float32": "float32"}
VIEWS: Mapping[str, str] = {"": "page", "present": "presenter", "guess": "guess the class"}


@dataclass(frozen=True, slots=True)
class SaliencyChoice(PageChoice):
    """What the page shows besides the shared choice.

    Attributes:
        methods: keys of the methods side by side, at least one.
        of: the class explained: `TOP`, `TRUE`, or a class by name.
        against: what it is held against: `ALONE`, `OTHER`, or a class by name.
        rows: key of `ROWS`.
        scale: key of `SCALES`: which maps share their colours' scale.
        colours: key of `COLOURS`.
        layer: the name of the layer that methods of places look at; empty for each network's default.
        precision: key of `PRECISIONS`: of the gradients that methods average, where the server computes in bfloat16.
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
    layer: str
    precision: str
    over: int
    method: str
    seen: str
    other: str
    measures: tuple[str, ...]
    agreement: str
    agreed: str
    sheet: tuple[str, ...]
    view: str

    @property
    def map(self) -> tuple[str, str]:
        """The map that is looked at: its network and its method."""
        return (self.seen, self.method)

    @classmethod
    def first(cls, beside: Beside) -> Self:
        """What a link is taken to mean that says nothing: five methods, each network's own answer."""
        models = beside.choice.models
        return cls(
            FIRST_METHODS, TOP, ALONE, "methods", "method", "signed", "", "", 0, FIRST_METHODS[0], models[0],
            models[:2][-1], FIRST_MEASURES, "spearman", "", (), "",
        )  # fmt: skip

    @classmethod
    def opening(cls, beside: Beside) -> Self:
        """The view of a visit without a link: each map's shape over the picture, a row a network, on one screen."""
        return replace(cls.first(beside), rows="networks", scale="own", over=FIRST_OVER)

    @classmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""
        return FIELDS

    def target(self, task: Task) -> Target:
        """What is explained, for the engine."""
        names = task.class_names
        against: int | Literal["other"] | None = "other" if self.against == OTHER else None
        if self.against in names:
            against = names.index(self.against)
        if self.of in names:
            return Target(names.index(self.of), against)
        return Target("true" if self.of == TRUE else "top", against)

    def within(self, choice: Choice, options: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other classes, networks and pictures."""
        seen = self.seen if self.seen in choice.models else choice.models[0]
        rest = [key for key in choice.models if key != seen]
        sheet = tuple(key for key in self.sheet if key in options.images[choice.task])
        return replace(
            self,
            of=self.of if self.of in explainable(choice) else TOP,
            against=self.against if self.against in opposable(choice) else ALONE,
            method=self.method if self.method in self.methods else self.methods[0],
            seen=seen,
            other=self.other if self.other in rest else (rest[0] if rest else seen),
            sheet=sheet,
        )


def explainable(choice: Choice) -> tuple[str, ...]:
    """What a map can explain: each network's own answer, the true class, or a class of the task."""
    return (TOP, TRUE, *task_named(choice.task).class_names)


def opposable(choice: Choice) -> tuple[str, ...]:
    """What it can be held against."""
    return (ALONE, OTHER, *task_named(choice.task).class_names)


def _with_class(part: SaliencyChoice, name: str, beside: Beside) -> SaliencyChoice:
    """Another class explained: none is held against itself; the later word counts."""
    return replace(part, of=name, against=ALONE if part.against == name else part.against)


def _with_against(part: SaliencyChoice, name: str, beside: Beside) -> SaliencyChoice:
    return replace(part, against=name, of=TOP if part.of == name else part.of)


def _map_shown(value: Any, part: SaliencyChoice, beside: Beside) -> bool:
    return (
        isinstance(value, tuple) and len(value) == 2 and value[0] in beside.choice.models and value[1] in part.methods
    )


def _as_tuple(value: Sequence[str], part: SaliencyChoice, beside: Beside) -> tuple[str, ...]:
    return tuple(value)


_shown: Check[SaliencyChoice, Beside] = one_of(
    lambda part, beside: beside.choice.models
)  # a network side by side with others

FIELDS: tuple[QueryField[SaliencyChoice, Beside], ...] = (
    QueryField(
        "methods", "methods", keys, some_of(ATTRIBUTION_METHODS), "must name methods of this page, each once",
        clean=_as_tuple,
    ),
    QueryField(
        "explain", "of", str, one_of(lambda part, beside: explainable(beside.choice)),
        f"must be a class of this task, {TOP} or {TRUE}", put=_with_class,
    ),
    QueryField(
        "against", "against", str, one_of(lambda part, beside: opposable(beside.choice)),
        f"must be another class of this task, or {OTHER}", put=_with_against,
    ),
    QueryField("rows", "rows", str, one_of(ROWS), f"must be {' or '.join(ROWS)}"),
    QueryField("scale", "scale", str, one_of(SCALES), f"must be {' or '.join(SCALES)}"),
    QueryField("colours", "colours", str, one_of(COLOURS), f"must be {' or '.join(COLOURS)}"),
    QueryField(
        "layer", "layer", matching(r"[\w.]{0,120}", str), lambda value, part, beside: True,
        "must be the name of a layer",
    ),
    QueryField("precision", "precision", str, one_of(PRECISIONS), "must be float32"),
    QueryField("over", "over", WHOLE, whole(0, 100), "must be a whole number of percent from 0 to 100"),
    QueryField("", "method", str, one_of(lambda part, beside: part.methods), ""),
    QueryField("", "seen", str, _shown, ""),
    QueryField(
        "map", "map", keys, _map_shown, "must name a network and a method that are shown",
        put=lambda part, map, beside: replace(part, seen=map[0], method=map[1]),
    ),
    QueryField("other", "other", str, _shown, "must name a network that is shown"),
    QueryField(
        "measures", "measures", keys, some_of(lambda part, beside: measures_of_maps()),
        "must name measures of this page, each once", clean=_as_tuple,
    ),
    QueryField("agreement", "agreement", str, one_of(AGREEMENTS), f"must be one of {', '.join(AGREEMENTS)}"),
    QueryField("agreed", "agreed", str, one_of(AGREED), "must be report"),
    QueryField(
        "sheet", "sheet", keys,
        some_of(lambda part, beside: beside.options.images[beside.choice.task], most=MOST_SHEET, least=0),
        f"must name up to {MOST_SHEET} pictures of this server's gallery", clean=_as_tuple,
    ),
    QueryField("view", "view", str, one_of(VIEWS), "must be present or guess"),
)  # fmt: skip
