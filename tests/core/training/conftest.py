"""Networks small enough for exact answers: a linear one, and a smooth one in double precision."""

import pytest
import torch
from torch import Tensor, nn

from core.training.recipes.base import Batch


class Linear(nn.Module):
    """Logits `W x` for `W` (K, D); the unused norm is what the fast form expects to find."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight.to(x.dtype).T


@pytest.fixture
def linear():
    """A linear network of three classes on 2x2 grey images."""
    return Linear(torch.randn(3, 4, generator=torch.Generator().manual_seed(3)))


@pytest.fixture
def smooth():
    """A tanh network in double precision, where finite differences are exact enough to check second derivatives."""
    generator = torch.Generator().manual_seed(4)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.7, generator=generator)
    return net


@pytest.fixture
def batch():
    """Six 2x2 grey images, away from 0 and 1, with labels of three classes."""
    generator = torch.Generator().manual_seed(5)
    x = 0.3 + 0.4 * torch.rand(6, 1, 2, 2, generator=generator)
    return Batch(x, torch.tensor([0, 1, 2, 2, 1, 0]), generator)


def loss_value(loss) -> float:
    """The loss as a number; recipes differentiate inside, also where the caller does not."""
    with torch.enable_grad():
        return loss().item()


def weight_gradcheck(model: nn.Module, loss) -> bool:
    """Whether the derivative of `loss()` along every weight agrees with its finite difference (double precision)."""
    weights = list(model.parameters())
    grads = torch.autograd.grad(loss(), weights)
    generator = torch.Generator().manual_seed(6)
    for weight, grad in zip(weights, grads, strict=True):
        direction, step = torch.randn(weight.shape, generator=generator, dtype=weight.dtype), 1e-6
        with torch.no_grad():
            weight.add_(direction, alpha=step)
            up = loss_value(loss)
            weight.add_(direction, alpha=-2 * step)
            down = loss_value(loss)
            weight.add_(direction, alpha=step)
        expected = (grad * direction).sum().item()
        if abs((up - down) / (2 * step) - expected) > 1e-6 * max(1.0, abs(expected)):
            return False
    return True


@pytest.fixture(name="weight_gradcheck")
def _weight_gradcheck():
    return weight_gradcheck
