"""Certainty insensitivity: cross-entropy plus a penalty on the input gradient of the summed log-probabilities."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from core.models.resnet import PreActResNet
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.double_backprop import check_weight, squared_gradient


@dataclass(frozen=True, slots=True)
class Insensitive(Recipe):
    """Mean cross-entropy plus `weight` times the mean squared L2 norm of the input gradient of `mean_k log p_k`.

    That is double backpropagation with the uniform label in the penalty, which thus needs no label (Ross, Doshi-Velez
    2018, arXiv:1711.09404, "Grad. Reg. (1/K)"). Computed in float32, and `weight` counts, as in `DoubleBackprop`.

    Raises:
        ConfigError: a negative weight.
    """

    weight: float

    def __post_init__(self) -> None:
        check_weight(self.weight)

    def describe(self) -> str:
        """The recipe in one line."""
        return f"certainty insensitivity: min E[ CE(f(x), y) + {self.weight:g} |grad_x (1/K) sum_k log p_k(x)|^2 ]"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy plus the weighted penalty."""
        with torch.autocast(batch.x.device.type, enabled=False):
            x = batch.x.detach().requires_grad_()
            logits = model(x)
            uniform = log_softmax(logits, 1).mean(1)
            return cross_entropy(logits, batch.labels) + self.weight * squared_gradient(uniform, x)
