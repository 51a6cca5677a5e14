"""Double backpropagation: cross-entropy plus a penalty on its input gradient."""

from abc import abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.errors import ConfigError
from core.models.resnet import PreActResNet
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.settings import words


class GradientPenalty(Recipe):
    """What recipes that add a penalty on an input gradient share: its weight, and float32 whatever the plan says.

    In bfloat16 the weight gradient of double backpropagation is off by 12 % (by 29 % with HHReLU; cosine 0.993 and
    0.959) on the 0.95-million network at batch 64, and a step costs 0.7 of the float32 one: the error is not worth the
    time.

    Raises:
        ConfigError: a negative weight.
    """

    __slots__ = ()
    weight: float

    def __post_init__(self) -> None:
        check_weight(self.weight)

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy plus the weighted penalty."""
        with torch.autocast(batch.x.device.type, enabled=False):
            x = batch.x.detach().requires_grad_()
            return self.penalised(model(x), batch.labels, x)

    @abstractmethod
    def penalised(self, logits: Tensor, labels: Tensor, x: Tensor) -> Tensor:
        """The loss from logits (B, K) of the images `x` (B, C, H, W), which require a gradient; labels (B,), int64."""


@dataclass(frozen=True, slots=True)
class DoubleBackprop(GradientPenalty):
    """Mean cross-entropy plus `weight` times the mean squared L2 norm of its input gradient, for the true label.

    Ross, Doshi-Velez 2018, arXiv:1711.09404, Sec. 3 ("Grad. Reg. (y)"); the idea is Drucker and LeCun's of 1992. The
    authors' code has a batch mean inside the gradient and half a sum outside, so that its lambda is `2 N` times
    `weight` at batch size N.
    """

    weight: float = field(metadata=words("Weight λ", "How much a small input gradient counts beside being right."))

    def describe(self) -> str:
        """The recipe in one line."""
        return f"double backpropagation: min E[ CE(f(x), y) + {self.weight:g} |grad_x CE(f(x), y)|^2 ]"

    def penalised(self, logits: Tensor, labels: Tensor, x: Tensor) -> Tensor:
        """Mean cross-entropy plus the weighted penalty on its own gradient."""
        losses = cross_entropy(logits, labels, reduction="none")
        return losses.mean() + self.weight * squared_gradient(losses, x)


def squared_gradient(values: Tensor, x: Tensor) -> Tensor:
    """The mean over the batch of `|d values_n / d x_n|^2`, summed over an image's entries; attached to the graph.

    BatchNorm in train mode couples the examples, so a row also holds what an image does to the others' values; so it is
    in the authors' code.

    Args:
        values: one value an example (B,), computed from `x`.
        x: images (B, C, H, W) that require a gradient.
    """
    (grad,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    return grad.flatten(1).square().sum(1).mean()


def check_weight(weight: float, name: str = "weight") -> None:
    """Refuse a penalty that would reward large gradients.

    Raises:
        ConfigError: negative, infinite or not a number.
    """
    if not 0 <= weight < float("inf"):
        raise ConfigError(f"{name} must be at least 0; got {weight}")


# Ross and Doshi-Velez's lambda for notMNIST as a weight on the mean, where pixels span a range of 1 as here. (SVHN's
# 19.5 is per squared deviation of an image, so about 1 in these units; MNIST's 110 is for an easier task.)
WEIGHT = 1.1

DOUBLE_BACKPROP_RECIPE = RecipeEntry(
    "double-backprop",
    "Double backprop",
    "Double backpropagation",
    "Learns the label while keeping small how much the loss changes with the picture.",
    "Ross, Doshi-Velez 2018, arXiv:1711.09404",
    lambda task: DoubleBackprop(WEIGHT),
    colour="#58A010",
)
