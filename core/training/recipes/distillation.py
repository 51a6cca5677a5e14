"""Defensive distillation: a teacher and a student, both trained on softened probabilities."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.errors import ConfigError
from core.models.resnet import PreActResNet
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.settings import words


@dataclass(frozen=True, slots=True)
class Tempered(Recipe):
    """Cross-entropy of `softmax(z / T)` against the labels: the first stage, which makes the teacher.

    The loss is multiplied by T, so that its slope along the logits keeps the size that it has at T = 1 (the authors'
    Adam does not feel such a factor, SGD does). The network is then used at T = 1, where its logits are about T times
    as large.

    Attributes:
        temperature: T, at least 1; 50 in Ross and Doshi-Velez 2018 (arXiv:1711.09404) and within the range of Papernot
            et al. 2016 (arXiv:1511.04508).

    Raises:
        ConfigError: a temperature below 1.
    """

    temperature: float = field(
        default=50.0, metadata=words("Temperature T", "The scores are divided by it while the network learns.")
    )

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)

    def describe(self) -> str:
        """The recipe in one line."""
        return f"tempered cross-entropy: min E[ T CE(f(x) / T, y) ], T = {self.temperature:g}; used at T = 1"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """T times the mean cross-entropy at temperature T."""
        return self.temperature * cross_entropy(model(batch.x).float() / self.temperature, batch.labels)


@dataclass(frozen=True, slots=True)
class Distilled(Recipe):
    """Cross-entropy of `softmax(z / T)` against the teacher's `softmax(z_teacher / T)`: the second stage.

    Papernot et al. 2016, arXiv:1511.04508, Sec. IV, as in Ross, Doshi-Velez 2018 (arXiv:1711.09404); labels are not
    used. The factor T is that of `Tempered`. Its apparent robustness to single steps is vanished gradients.

    Attributes:
        teacher: zoo key of a network trained by `Tempered` at the same temperature.
        temperature: T, at least 1.

    Raises:
        ConfigError: a temperature below 1.
    """

    teacher: str
    temperature: float = field(
        default=50.0, metadata=words("Temperature T", "The scores of teacher and student are divided by it.")
    )

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)

    @property
    def teacher_key(self) -> str | None:
        """The network whose softened probabilities are learned."""
        return self.teacher

    def describe(self) -> str:
        """The recipe in one line."""
        return (
            "defensive distillation: min E[ T CE(f(x) / T, softmax(f_teacher(x) / T)) ], "
            f"T = {self.temperature:g}, teacher {self.teacher}; used at T = 1"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """T times the mean cross-entropy at temperature T against the teacher's probabilities."""
        if batch.teacher is None:
            raise ConfigError(f"distillation needs the network {self.teacher!r}")
        with torch.no_grad():
            soft = (batch.teacher(batch.x).float() / self.temperature).softmax(1)
        return self.temperature * cross_entropy(model(batch.x).float() / self.temperature, soft)


def _check_temperature(temperature: float) -> None:
    if not 1 <= temperature < float("inf"):
        raise ConfigError(f"temperature must be at least 1; got {temperature}")


TEMPERED_RECIPE = RecipeEntry(
    "distilled-teacher",
    "distilled-teacher",
    "Teacher for distillation",
    "Learns the labels at a high temperature, so that its probabilities stay soft.",
    "Papernot et al. 2016, arXiv:1511.04508",
    lambda task: Tempered(),
)

DISTILLED_RECIPE = RecipeEntry(
    "distilled",
    "Distilled",
    "Defensive distillation",
    "Learns the soft probabilities of its teacher; what looks like robustness is a vanished gradient.",
    "Papernot et al. 2016, arXiv:1511.04508",
    lambda task: Distilled("distilled-teacher"),
    colour="#885858",
    teacher="Distillation means a teacher that was trained by “Teacher for distillation”: train one first.",
)
