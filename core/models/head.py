"""The linear layer that a network ends in, found by its structure, and the features that it reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models.fast import private_copy
from core.models.pooled import PooledClassifier


@dataclass(frozen=True, slots=True)
class Head:
    """A network in two parts: `linear(features(x))` are its logits.

    Attributes:
        features: images (B, C, H, W) to features (B, D).
        linear: the last layer, of the network itself.
    """

    features: nn.Module
    linear: nn.Linear


def head_of(model: nn.Module, shape: Sequence[int]) -> Head:
    """The last layer of a network and what it reads; `shape` (C, H, W) is that of its images.

    Raises:
        ConfigError: its logits are not what a linear layer gives of one vector for each image.
    """
    if isinstance(model, PooledClassifier):
        return Head(_Pooled(model), model.last_layer)
    of_model = _NAMES.setdefault(model, {})
    if tuple(shape) not in of_model:
        of_model[tuple(shape)] = _name(model, shape)
    name = of_model[tuple(shape)]
    linear = model.get_submodule(name)
    assert isinstance(linear, nn.Linear)
    body = private_copy(model)
    body.set_submodule(name, nn.Identity())
    return Head(body, linear)


class _Pooled(nn.Module):
    """The mean of a network's last feature map."""

    def __init__(self, network: PooledClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.features(x).mean((2, 3))


_NAMES: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], str]] = WeakKeyDictionary()


def _name(model: nn.Module, shape: Sequence[int]) -> str:
    """The name of the linear layer whose output are the logits, looked for on two images of noise."""
    parameter = next(model.parameters(), torch.zeros(()))
    noise = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)).to(parameter)
    copy, given = private_copy(model), dict[str, Tensor]()
    for name, module in copy.named_modules():
        if type(module) is nn.Linear and name:
            module.register_forward_hook(lambda m, x, out, name=name: given.__setitem__(name, out.clone()))
    with torch.no_grad():
        logits = copy(noise)
    for name, output in reversed(given.items()):
        if torch.equal(output, logits):
            return name
    raise ConfigError("this needs a network that ends in a linear layer on one vector of features; this one does not")
