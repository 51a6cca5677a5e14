"""The loss on logits of one length: its formula, and that their length does not matter."""

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import ConfigError
from core.training.recipes.base import Batch
from core.training.recipes.logit_norm import LogitNorm
from tests.helpers.pictures import rand

LABELS = torch.tensor([0, 2, 1, 1])


def loss(recipe: LogitNorm, logits: torch.Tensor) -> float:
    """Of a network that gives these logits."""

    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return logits

    return float(recipe.loss(Fixed(), Batch(torch.zeros(4, 1, 2, 2), LABELS, torch.Generator())))


def test_it_is_the_papers_formula():
    z = rand(4, 3, seed=1) - 0.5
    unit = z.double().numpy() / 0.04
    unit /= np.linalg.norm(z.double().numpy(), axis=1, keepdims=True)
    slow = np.mean([np.log(np.exp(row - row[y]).sum()) for row, y in zip(unit, LABELS, strict=True)])
    assert loss(LogitNorm(), z) == pytest.approx(slow, rel=1e-5)


def test_longer_logits_cost_as_much_and_it_has_a_floor():
    """By the bound that the paper proves it is at least `log(1 + (K - 1) exp(-2 / tau))`."""
    z = rand(4, 3, seed=1) - 0.5
    assert loss(LogitNorm(0.5), 1000 * z) == pytest.approx(loss(LogitNorm(0.5), z), rel=1e-5)
    best = -torch.ones(4, 3)
    best[range(4), LABELS] = 2.0
    assert loss(LogitNorm(1.0), best) >= np.log(1 + 2 * np.exp(-2.0))


def test_impossible_temperatures_are_refused():
    for temperature in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="temperature"):
            LogitNorm(temperature)
