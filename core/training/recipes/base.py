"""How a batch becomes a loss: what a recipe is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from core.data.tasks import Task
from core.models.resnet import PreActResNet


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of training learns from.

    Attributes:
        x: augmented images (B, C, H, W), float in [0, 1].
        labels: class indices (B,), int64.
        generator: source of everything random in the step; of the CPU, see `core.draws`.
        epoch: epochs finished before this one.
        maps: annotations (B, 1, H, W), float, +1 on the object and -1 elsewhere, moved with the images; None without
            any.
        teacher: the network that the recipe named, frozen and in eval mode; None where it named none.
        state: numbers that outlive the step. A recipe may write to it, and the checkpoint keeps it.
    """

    x: Tensor
    labels: Tensor
    generator: torch.Generator
    epoch: int = 0
    maps: Tensor | None = None
    teacher: nn.Module | None = None
    state: dict[str, float] = field(default_factory=dict)


class Recipe(ABC):
    """A rule that turns a batch into a loss to be minimised; a frozen value."""

    __slots__ = ()

    @property
    def teacher_key(self) -> str | None:
        """The zoo key of the network that the recipe learns from, of the same task; None for most."""
        return None

    @property
    def start_key(self) -> str | None:
        """The zoo key of the network that training goes on from, of the same task; None for fresh weights."""
        return None

    @property
    def start_share(self) -> float:
        """The share, in [0, 1), of the weights that training goes on from in those that ship.

        Weights between a network and what was trained on from it can be better than either (Wortsman et al. 2022,
        arXiv:2109.01903, Sec. 3, there between a zero-shot and a fine-tuned network).
        """
        return 0.0

    @property
    def needs_maps(self) -> bool:
        """Whether the training images must carry annotations."""
        return False

    def check(self, task: Task) -> None:  # noqa: B027 - most recipes work on every task
        """Refuse settings that can't work on `task`.

        Raises:
            ConfigError: they can't.
        """

    @abstractmethod
    def describe(self) -> str:
        """The recipe in one line, with its formula, for cards."""

    @abstractmethod
    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """The mean loss of a batch (a scalar), attached to the graph of `model`, which is in train mode."""
