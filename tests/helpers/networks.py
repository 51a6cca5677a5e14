"""Small networks: a tiny one of the zoo's kind, a linear one, and those written in the ways people write them."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data.tasks import task_named
from core.models.architectures.architecture import Architecture, NetworkConfig
from core.models.architectures.catalogue import architecture_of
from core.models.resnet import ResNetConfig
from core.models.zoo import Card, ZooModel

TINY_GREY = ResNetConfig(10, (0.3,), (0.3,), (4, 8), (1, 1))


def seeded(net: nn.Module, seed: int = 7) -> nn.Module:
    """`net` in eval mode with fresh normal weights."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return net.eval()


def linear(classes: int = 3, entries: int = 12) -> nn.Module:
    """A linear network with a bias."""
    return seeded(nn.Sequential(nn.Flatten(), nn.Linear(entries, classes)))


class Functional(nn.Module):
    """Two convolutions and a head whose activations are called in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.module, self.in_place = nn.ReLU(), nn.ReLU(inplace=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        act = {
            "module": self.module,
            "in-place module": self.in_place,
            "F.relu": F.relu,
            "F.relu in place": lambda u: F.relu(u, inplace=True),
            "torch.relu": torch.relu,
            "method": lambda u: u.relu(),
            "relu_": lambda u: u.relu_(),
            "clamp": lambda u: u.clamp(min=0),
            "clamp_min": lambda u: torch.clamp_min(u, 0.0),
        }[self.way]
        return self.head(act(self.second(act(self.first(x)))).mean((2, 3)))


WAYS = ("in-place module", "F.relu", "F.relu in place", "torch.relu", "method", "relu_", "clamp", "clamp_min")


def bare_model(key: str, sha256: str = "a") -> ZooModel:
    """A network that answers nothing, known by its card alone."""
    card = Card("fashion-mnist", key, None, "recipe", {}, 0, "command", {}, sha256=sha256 * 64, parameters=0)
    return ZooModel(card, nn.Identity(), nn.Identity())


@dataclass(frozen=True, slots=True)
class DummyConfig:
    """The settings of a network that looks at the mean colour alone."""

    classes: int
    channels: int
    architecture: Literal["dummy"] = "dummy"

    @property
    def parameters(self) -> int:
        """By arithmetic."""
        return (self.channels + 1) * self.classes


DUMMY = Architecture(
    "dummy", "Dummy",
    "A linear layer on the mean colour.",
    "nowhere", "none",
    config=DummyConfig, build=lambda config, shape: nn.Sequential(
        nn.AvgPool2d(shape[1:]), nn.Flatten(), nn.Linear(config.channels, config.classes)
    ),
)  # fmt: skip
"""An architecture without a fast form or named features."""


def brought(network: NetworkConfig, key: str = "brought", task: str = "cifar10", as_trained: bool = False) -> ZooModel:
    """A network of any architecture with random weights that answer differently on different pictures.

    `as_trained`: its logits spread by about one.
    """
    problem, generator = task_named(task), torch.Generator().manual_seed(0)
    x = torch.rand(8, *problem.shape, generator=generator)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)  # what a network draws for itself: tokens, places, dropped paths
        model = architecture_of(network).build(network, problem.shape)
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, generator=generator)
        if any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
            model.train()(x)  # for its statistics
        model.eval().requires_grad_(False)
        if as_trained:
            last = [value for value in model.state_dict().values() if value.dim() >= 2][-1]
            last /= model(x).std()
    card = Card(task, key, network, "untrained", {}, 0, "none", {}, sha256="", parameters=network.parameters)
    fast_form = architecture_of(network).fast_form
    return ZooModel(card, model, fast_form(model) if fast_form else model)
