"""What trainings share that moves: the order of images, the optimiser, and the average of the weights that ships."""

import torch
from torch import Tensor, nn


def order_of(count: int, wanted: int, generator: torch.Generator) -> Tensor:
    """Indices of `count` images, `wanted` or more: drawn without replacement, and anew when all are used."""
    return torch.cat([torch.randperm(count, generator=generator) for _ in range(1 + wanted // count)])


def sgd(network: nn.Module, learning_rate: float, momentum: float, weight_decay: float) -> torch.optim.SGD:
    """SGD with momentum in Nesterov's form; weight decay is on weights of two dimensions or more."""
    decayed = [p for p in network.parameters() if p.dim() >= 2]
    plain = [p for p in network.parameters() if p.dim() < 2]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum, nesterov=momentum > 0)


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's weights and buffers, by name."""
    return {name: value.clone() for name, value in network.state_dict().items()}


@torch.no_grad()
def follow(average: dict[str, Tensor], network: nn.Module, decay: float) -> None:
    """Move an average of weights towards a network's by 1 - decay, in place; what is not a fraction is copied."""
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1.0 - decay)
        else:
            average[name].copy_(value)
