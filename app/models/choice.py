"""The Models page's part of the choice: whose answers are counted, and which saliency perturbation is made for whom."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from app.state.choice import PHOTO, Choice, Options
from app.state.epsilon_scale import size_dial
from app.state.page_choice import Beside, PageChoice, network_here
from app.state.query_fields import WHOLE, QueryField, between, matching, one_of, whole
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

LAST_EPOCH = 100

FIRST_EPOCH = 10

FIRST_ALPHA = 0.95

COUNTED = (100, 200, 300, 500, 1000, 2000)
"""How many test images can be counted."""
FIRST_COUNTED = 300
"""As many as the report that ships holds."""

SEARCHES: Mapping[str, str] = {"no": "PGD alone", "yes": "PGD and Square"}

UNDER: Mapping[str, str] = {"clean": "Clean", "attacked": "Attacked"}

TEMPERATURES = (0.25, 4.0)


@dataclass(frozen=True, slots=True)
class PerturbationChoice(PageChoice):
    """What the construction shows, and whose answers are counted.

    Attributes:
        maps: key of `MAP_TITLES`.
        teacher: the network whose map is taken, where the map is a network's.
        network: the network whose loss is asked.
        size: epsilon in n/255.
        epoch: counted from 0.
        alpha: annealing base, two decimals.
        across: first and last column of the box that the visitor sets.
        down: its first and last row.
        one: the network whose answers are counted on the left.
        other: and on the right.
        counted: on how many test images, one of `COUNTED`.
        under: key of `UNDER`: whose answers the table of confusions holds.
        square: whether Square attack asks, too: "yes" or "no".
        temperature: that logits are divided by before the softmax, two decimals.
    """

    of_picture = frozenset({"box"})
    maps: str
    teacher: str
    network: str
    size: int
    epoch: int
    alpha: float
    across: tuple[int, int]
    down: tuple[int, int]
    one: str
    other: str
    counted: int
    under: str
    square: str
    temperature: float

    @property
    def box(self) -> tuple[int, ...]:
        """The box as left, right, top, bottom."""
        return (*self.across, *self.down)

    @property
    def of_teacher(self) -> bool:
        """Whether the map is a network's."""
        return self.maps in STRONG_MAPS

    @classmethod
    def first(cls, beside: Beside) -> Self:
        """The view of a first visit: a robust network's gradient sign at the reported radius, tried on itself."""
        robust = "pgd-linf" if "pgd-linf" in beside.models else beside.models[0]
        _, height, width = beside.task.shape
        return cls(
            "gradient-sign",
            robust,
            robust,
            int(size_dial(beside.task).reported),
            FIRST_EPOCH,
            FIRST_ALPHA,
            (width // 4, width - 1 - width // 4),
            (height // 4, height - 1 - height // 4),
            beside.models[0],
            robust,
            FIRST_COUNTED,
            "clean",
            "no",
            1.0,
        )

    @classmethod
    def table(cls) -> tuple[QueryField[Any, Beside], ...]:
        """Its values, in the order in which they are read."""
        return FIELDS

    def within(self, choice: Choice, options: Options) -> Self:
        """The nearest that is possible beside a choice: another task has other networks and sides, and often no box."""
        usual, models, task = self.first(Beside(choice, options)), options.models[choice.task], task_named(choice.task)
        fits = _inside(self.across, task.shape[2]) and _inside(self.down, task.shape[1])
        return replace(
            self,
            maps=self.maps if self.maps in map_options(choice) else usual.maps,
            teacher=self.teacher if self.teacher in models else usual.teacher,
            network=self.network if self.network in models else usual.network,
            one=self.one if self.one in models else usual.one,
            other=self.other if self.other in models else usual.other,
            size=min(self.size, int(size_dial(task).top)),
            across=self.across if fits else usual.across,
            down=self.down if fits else usual.down,
        )


def map_options(choice: Choice) -> tuple[str, ...]:
    """The maps that the chosen picture can have."""
    annotated = task_named(choice.task).annotation is not None and not choice.image.startswith((PHOTO, UPLOAD))
    return tuple(key for key in MAP_TITLES if key != GIVEN or annotated)


def _inside(span: Any, side: int) -> bool:
    """Whether `span` is a first and a last index on a side."""
    return isinstance(span, tuple) and len(span) == 2 and 0 <= span[0] <= span[1] < side


def _across(value: Any, part: PerturbationChoice, beside: Beside) -> bool:
    return _inside(value, beside.task.shape[2])


def _down(value: Any, part: PerturbationChoice, beside: Beside) -> bool:
    return _inside(value, beside.task.shape[1])


def _top(part: PerturbationChoice, beside: Beside) -> int:
    """The largest perturbation, n/255."""
    return int(size_dial(beside.task).top)


FIELDS: tuple[QueryField[PerturbationChoice, Beside], ...] = (
    QueryField(
        "map", "maps", str, one_of(lambda part, beside: map_options(beside.choice)),
        "is not one that this picture can have",
    ),
    QueryField("teacher", "teacher", str, network_here, "is not a network of this task here"),
    QueryField("network", "network", str, network_here, "is not a network of this task here"),
    QueryField(
        "size", "size", WHOLE, whole(0, _top),
        lambda part, beside, text: f"must be a whole number of levels from 0 to {_top(part, beside)}",
    ),
    QueryField("epoch", "epoch", WHOLE, whole(0, LAST_EPOCH), f"must be a whole number from 0 to {LAST_EPOCH}"),
    QueryField(
        "alpha", "alpha", matching(r"\d(\.\d{1,2})?", float), between(0, 1),
        "must lie between 0 and 1, with two decimals", clean=lambda alpha, part, beside: round(alpha, 2),
    ),
    QueryField("", "across", str, _across, ""),
    QueryField("", "down", str, _down, ""),
    QueryField(
        "box", "box", matching(r"\d{1,3}(,\d{1,3}){3}", lambda text: tuple(map(int, text.split(",")))),
        lambda box, part, beside: _across(box[:2], part, beside) and _down(box[2:], part, beside),
        lambda part, beside, text: (
            f"must be left,right,top,bottom, each from 0 to {max(beside.task.shape[1:]) - 1}"
        ),
        put=lambda part, box, beside: replace(part, across=box[:2], down=box[2:]),
        written=lambda part: part.maps == BOX,
    ),
    QueryField("one", "one", str, network_here, "is not a network of this task here"),
    QueryField("other", "other", str, network_here, "is not a network of this task here"),
    QueryField("counted", "counted", WHOLE, one_of(COUNTED), f"must be one of {', '.join(map(str, COUNTED))}"),
    QueryField("under", "under", str, one_of(UNDER), f"must be one of {', '.join(UNDER)}"),
    QueryField("square", "square", str, one_of(SEARCHES), "must be yes or no"),
    QueryField(
        "temperature", "temperature", matching(r"\d(\.\d{1,2})?", float), between(*TEMPERATURES),
        f"must lie between {TEMPERATURES[0]:g} and {TEMPERATURES[1]:g}, with two decimals",
        clean=lambda value, part, beside: round(value, 2),
    ),
)  # fmt: skip
