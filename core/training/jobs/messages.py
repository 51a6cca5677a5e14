"""One training that somebody asked for: the order, and what its worker tells while it runs."""

import base64
import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.data.tasks import task_named
from core.errors import ConfigError, InputError
from core.training.augment import Augmentation
from core.training.plan import TrainingPlan, network_for
from core.training.recipes.base import Recipe
from core.training.recipes.registry import RECIPES, recipes_for
from core.training.recipes.saliency_training import paced
from core.training.recipes.settings import Value, changed, with_teacher

MOST_EPOCHS = 50
LEAST_IMAGES = 256
FEW_IMAGES = 20_000  # below this a smaller batch makes more of each epoch


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What is to be trained, in values that fit into JSON.

    Attributes:
        task: the task's key.
        recipe: a key of `RECIPES`.
        key: the name of the model to come, as in a zoo.
        images: learn from the first so many images of `train`.
        epochs: passes over them.
        seed: of everything random.
        changes: values other than the recipe's own, by the paths of `settings_of`.
        teacher: key of the network that the recipe learns from; None where it needs none.
    """

    task: str
    recipe: str
    key: str
    images: int
    epochs: int
    seed: int = 0
    changes: Mapping[str, Value] = field(default_factory=dict)
    teacher: str | None = None

    def unchanged(self) -> Recipe:
        """The recipe with its own settings: those of the task and, where it anneals, of the number of epochs."""
        return paced(RECIPES[self.recipe].build(task_named(self.task)), max(1, self.epochs))

    def plan(self) -> TrainingPlan:
        """The training plan.

        Raises:
            ConfigError: a setting is impossible.
        """
        task = task_named(self.task)
        if not task.trained:
            raise ConfigError(f"networks are not trained for {task.title} here")
        if self.recipe not in recipes_for(task):
            raise ConfigError(f"recipe must be one of {', '.join(recipes_for(task))}; got {self.recipe!r}")
        if not re.fullmatch(r"[\w-]{1,60}", self.key):
            raise ConfigError("the name must have 1 to 60 letters, digits or hyphens")
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise ConfigError(f"epochs must lie in 1..{MOST_EPOCHS}; got {self.epochs}")
        if self.images < LEAST_IMAGES:
            raise ConfigError(f"images must be at least {LEAST_IMAGES}; got {self.images}")
        entry = RECIPES[self.recipe]
        recipe = changed(self.unchanged(), self.changes)
        if recipe.teacher_key is not None:
            if self.teacher is None:
                raise ConfigError(f"{entry.title} learns from another network, and there is none to learn from here")
            recipe = with_teacher(recipe, self.teacher)
        return TrainingPlan(
            task.key,
            self.key,
            recipe,
            network_for(task, entry.activation),
            self.epochs,
            batch_size=64 if self.images < FEW_IMAGES else 128,
            augmentation=Augmentation(padding=2 if task.grey else 4),
            seed=self.seed,
            images=self.images,
        )

    def to_json(self) -> str:
        """The order as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True)


def read_request(text: str) -> TrainingRequest:
    """The order in a JSON text.

    Raises:
        InputError: it is none.
    """
    try:
        return TrainingRequest(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise InputError(f"this is no order for a training: {error}") from error


@dataclass(frozen=True, slots=True)
class Ready:
    """Said once, before the first step.

    Attributes:
        epochs: epochs that were done before, in an earlier part of the run.
        pictures: the pictures that are watched, uint8 (N, C, H, W).
        labels: their classes (N,), int64.
        images: how many pictures `clean` and `robust` are measured on.
        epsilon: the L-infinity radius of `robust`.
        steps: attack steps of `robust`.
    """

    epochs: int
    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    images: int
    epsilon: float
    steps: int


@dataclass(frozen=True, slots=True)
class Step:
    """Where the run stands.

    Attributes:
        at: epochs done, with their fraction.
        left: seconds left, as far as one can tell.
    """

    at: float
    left: float


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured on the way, with the averaged weights at that moment.

    Attributes:
        at: epochs done, with their fraction.
        loss: mean training loss since the point before, in nats.
        clean: share of the watched sample that is right.
        robust: share that is right under a small PGD.
        maps: input gradient of the true class's logit, summed over channels, float16 (N, H, W).
        answers: the class predicted for each picture (N,), int64.
        probs: the probability of that class (N,), float16.
    """

    at: float
    loss: float
    clean: float
    robust: float
    maps: NDArray[np.float16]
    answers: NDArray[np.int64]
    probs: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last word: how it ended, with a sentence where it failed."""

    how: Literal["finished", "stopped", "failed"]
    sentence: str = ""


Event = Ready | Step | Point | Ended
_KINDS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in (Ready, Step, Point, Ended)}


def encode(event: Event) -> str:
    """An event as one line of JSON, arrays as base64."""
    fields = {name: _plain(getattr(event, name)) for name in type(event).__dataclass_fields__}
    return json.dumps({"kind": type(event).__name__} | fields)


def decode(line: str) -> Event:
    """The event in a line that `encode` made.

    Raises:
        InputError: it is none, such as the cut-off line of a worker that was killed.
    """
    try:
        fields: dict[str, Any] = json.loads(line)
        kind = _KINDS[fields.pop("kind")]
        values: dict[str, Any] = {
            name: _array(value) if isinstance(value, dict) else value for name, value in fields.items()
        }
        return kind(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"this is no line of a training: {error}") from error


def _plain(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": str(value.dtype), "shape": value.shape, "data": data}


def _array(value: Mapping[str, Any]) -> Any:
    flat = np.frombuffer(base64.b64decode(value["data"]), np.dtype(value["dtype"]))
    return flat.reshape(value["shape"])
