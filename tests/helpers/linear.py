"""Linear networks, of which it is known what each search can reach."""

import torch
from torch import nn


class Linear(nn.Module):
    """Logits W x of flattened images; exact answers are known."""

    def __init__(self, classes: int = 5, pixels: int = 12, scale: float = 1.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(scale * torch.randn(classes, pixels, generator=generator), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight.T


def labelled_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Images far from 0 and 1, labelled as the network answers."""
    x = 0.3 + 0.4 * torch.rand(40, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    return x, Linear()(x).argmax(1)


def breakable(model: Linear, x: torch.Tensor, labels: torch.Tensor, epsilon: float, norm: str) -> torch.Tensor:
    """Whether some point of the ball is answered wrongly: the margin over a class falls by epsilon |w_j - w_y| dual."""
    weight = model.weight
    difference = weight[None] - weight[labels][:, None]
    reach = epsilon * (difference.abs().sum(2) if norm == "linf" else difference.norm(dim=2))
    margin = -(difference @ x.flatten(1)[:, :, None])[:, :, 0]
    margin.scatter_(1, labels[:, None], torch.inf)
    return (margin < reach).any(1)


def light_above(threshold: float):
    """A classifier that answers 1 where the mean of a picture is above a threshold, 0 elsewhere."""

    def classifier(x: torch.Tensor) -> torch.Tensor:
        lead = x.mean((1, 2, 3)) - threshold
        return torch.stack([-lead, lead], 1)

    return classifier
