"""Certainty insensitivity: cross-entropy plus a penalty on the input gradient of the summed log-probabilities."""

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from core.training.recipes.double_backprop import GradientPenalty, squared_gradient
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.settings import words


@dataclass(frozen=True, slots=True)
class Insensitive(GradientPenalty):
    """Mean cross-entropy plus `weight` times the mean squared L2 norm of the input gradient of `mean_k log p_k`.

    That is double backpropagation with the uniform label in the penalty, which thus needs no label (Ross, Doshi-Velez
    2018, arXiv:1711.09404, "Grad. Reg. (1/K)"). `weight` counts as in `DoubleBackprop`.
    """

    weight: float = field(metadata=words("Weight λ", "How much a steady certainty counts beside being right."))

    def describe(self) -> str:
        """The recipe in one line."""
        return f"certainty insensitivity: min E[ CE(f(x), y) + {self.weight:g} |grad_x (1/K) sum_k log p_k(x)|^2 ]"

    def penalised(self, logits: Tensor, labels: Tensor, x: Tensor) -> Tensor:
        """Mean cross-entropy plus the weighted penalty on the gradient of the mean log-probability."""
        return cross_entropy(logits, labels) + self.weight * squared_gradient(log_softmax(logits, 1).mean(1), x)


WEIGHT = 0.35
"""Ross and Doshi-Velez's lambda for notMNIST, in the same units as that of double backpropagation."""

INSENSITIVE_RECIPE = RecipeEntry(
    "insensitive",
    "Insensitive",
    "Certainty-insensitive",
    "Learns the label while keeping small how much its certainty changes with the picture.",
    "Ross, Doshi-Velez 2018, arXiv:1711.09404",
    lambda task: Insensitive(WEIGHT),
    colour="#A07070",
)
