"""A network of two classes whose boundary lies at a known distance of every image, and images for it."""

import torch
from torch import nn

from core.data.datasets import LabelledImages
from core.models.resnet import ResNetConfig
from core.models.zoo import Card, ZooModel


class Threshold(nn.Module):
    """Class 0 or 1 as `w x` lies below or above a threshold; no other class is ever near."""

    def __init__(self, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = torch.randn(784, generator=torch.Generator().manual_seed(0)) / 5
        self.bias = bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        margin = (x.flatten(1) - 0.5) @ self.weight + self.bias
        return torch.stack([torch.zeros_like(margin), margin, *[torch.full_like(margin, -1e3)] * 8], 1)

    def distance(self, x: torch.Tensor) -> torch.Tensor:
        """The exact RMSE to the boundary."""
        return self(x)[:, 1].abs() / (self.weight.norm() * 28)


def zoo_model(key: str, net: nn.Module, sha256: str = "0" * 64) -> ZooModel:
    """A network of the zoo of garments that computes as `net` does."""
    config = ResNetConfig(10, (0.3,), (0.3,), (4, 8), (1, 1))
    return ZooModel(Card("fashion-mnist", key, config, "recipe", {}, 0, "command", {}, sha256, 0), net, net)


def grey_noise() -> LabelledImages:
    """40 grey images away from 0 and 1, every fifth labelled wrongly for the threshold at 0."""
    pixels = torch.randint(90, 160, (40, 1, 28, 28), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    labels = Threshold()(pixels.float() / 255).argmax(1)
    labels[::5] = 1 - labels[::5]
    return LabelledImages(pixels, labels, "grey noise")
