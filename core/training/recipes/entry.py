"""What a catalogue must say about a way to train, beside the recipe itself."""

from collections.abc import Callable
from dataclasses import dataclass

from core.data.tasks import Task
from core.data.tasks.task import Annotation
from core.models.activations import Activation
from core.training.recipes.base import Recipe


@dataclass(frozen=True, slots=True)
class Variant:
    """A model of the zoo that differs from that of its recipe by settings alone.

    Attributes:
        key: its name in the zoo.
        name: what it is called, short.
        colour: of its own, as of a `RecipeEntry`.
    """

    key: str
    name: str
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class StudentEntry:
    """A network that learned from another's answers, by no recipe of labels (see `core.training.student`).

    Attributes:
        key: its name in the zoo.
        name: what it is called, short.
        title: what the way of training is called.
        sentence: what it does, one sentence.
        source: papers and sections.
        colour: of its own, as of a `RecipeEntry`.
    """

    key: str
    name: str
    title: str
    sentence: str
    source: str
    colour: str


@dataclass(frozen=True, slots=True)
class RecipeEntry:
    """One way to train.

    Attributes:
        key: its name in files and URLs, and that of the model that it makes.
        name: what its networks are called side by side, short.
        title: what the way of training is called, in a menu.
        sentence: what it does, one sentence.
        source: paper and section.
        build: the recipe with default settings for a task; sizes follow the task's radii. The formula is its
            `describe()`.
        activation: what the recipe wants its network to have.
        annotation: what must come with a task's images; None where nothing need.
        teacher: what the network that it learns from must be, a sentence; empty where any will do, or none is needed.
        colour: "#rrggbb" of its networks on every page, with a contrast of at least 3 on the light and on the dark
            ground; None takes one that follows from the key.
        variants: other models of the zoo that it makes.
    """

    key: str
    name: str
    title: str
    sentence: str
    source: str
    build: Callable[[Task], Recipe]
    activation: Activation = "relu"
    annotation: Annotation | None = None
    teacher: str = ""
    colour: str | None = None
    variants: tuple[Variant, ...] = ()
