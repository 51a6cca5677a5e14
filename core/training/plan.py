"""A training plan: everything that, with the data, decides the weights."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from core.data.tasks import Task, task_named
from core.errors import ConfigError
from core.models.activations import Activation
from core.models.resnet import ResNetConfig
from core.training.augment import Augmentation
from core.training.recipes.base import Recipe

MAX_EPOCHS = 1000


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A recipe with its schedule, network and seed.

    Attributes:
        task: the task's key.
        key: the model's name in the zoo.
        recipe: how a batch becomes a loss.
        network: the architecture. Of one with a mirror a single view learns, as half of the pictures are flipped
            anyway, and accuracy on `val` is that view's; what ships has the mirror.
        epochs: passes over the training images, the tail included.
        batch_size: images a step; a last smaller batch is left out of the epoch.
        learning_rate: the peak of the one-cycle schedule (linear rise over the first 20 % of all steps, linear fall to
            zero).
        momentum: of SGD with Nesterov's form.
        weight_decay: on weights of two dimensions or more.
        averaging: decay a step of the exponential moving average of the weights, which is what ships; 0 ships the last
            weights.
        tail: the last so many epochs keep a constant rate of 10 % of the peak, and what ships is the plain mean of the
            weights over all their steps, with BatchNorm's statistics taken anew (stochastic weight averaging, Izmailov
            et al. 2018, arXiv:1803.05407, Sec. 3.2); the one-cycle schedule spans the epochs before them.
        augmentation: random crops and flips.
        precision: "bf16" (autocast) or "fp32".
        seed: of initial weights, order, augmentation and attack starts.
        images: train on the first so many images of `train` only; None takes all.

    Raises:
        ConfigError: a value out of range.
    """

    task: str
    key: str
    recipe: Recipe
    network: ResNetConfig
    epochs: int
    batch_size: int = 128
    learning_rate: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    averaging: float = 0.995
    tail: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: Literal["bf16", "fp32"] = "bf16"
    seed: int = 0
    images: int | None = None

    def __post_init__(self) -> None:
        task = task_named(self.task)
        if not 1 <= self.epochs <= MAX_EPOCHS or self.batch_size < 2:
            raise ConfigError(
                f"need epochs in 1..{MAX_EPOCHS} and batch_size >= 2; got {self.epochs} and {self.batch_size}"
            )
        if not 0 < self.learning_rate <= 10 or not 0 <= self.momentum < 1 or self.weight_decay < 0:
            raise ConfigError(
                "need learning_rate in (0, 10], momentum in [0, 1), weight_decay >= 0; "
                f"got {self.learning_rate}, {self.momentum}, {self.weight_decay}"
            )
        if not 0 <= self.averaging < 1:
            raise ConfigError(f"averaging must lie in [0, 1); got {self.averaging}")
        if not 0 <= self.tail < self.epochs:
            raise ConfigError(f"tail must lie in 0..epochs - 1; got {self.tail} of {self.epochs} epochs")
        if self.precision not in ("bf16", "fp32"):
            raise ConfigError(f"precision must be bf16 or fp32; got {self.precision!r}")
        if self.images is not None and self.images < self.batch_size:
            raise ConfigError(f"images must be at least batch_size ({self.batch_size}); got {self.images}")
        if self.network.classes != task.classes or len(self.network.mean) != task.shape[0]:
            raise ConfigError(f"the network's classes and channels must be those of {task.key}")
        if not 0 <= self.seed < 2**31:
            raise ConfigError(f"seed must lie in 0..2^31-1; got {self.seed}")
        self.recipe.check(task)

    def settings(self) -> dict[str, object]:
        """The plan as nested plain values, for cards and for comparing a checkpoint with the plan that resumes it.

        The recipe's class is its `name`.
        """
        recipe: Any = self.recipe  # every recipe is a dataclass, which its base class can't say
        return asdict(self) | {"recipe": {"name": type(recipe).__name__, **asdict(recipe)}}


def network_for(task: Task, activation: Activation = "relu") -> ResNetConfig:
    """The zoo's architecture for a task: 0.95 million parameters for photographs, 0.17 million for garments."""
    photographs = task.key in ("cifar10", "tiny20")
    widths, blocks = ((16, 64, 128), (1, 2, 3)) if photographs else ((16, 32, 64), (1, 2, 2))
    return ResNetConfig(task.classes, task.mean, task.std, widths, blocks, activation)
