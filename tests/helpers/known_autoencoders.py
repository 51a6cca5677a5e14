"""Generators and classifiers whose answers are known in closed form, and a small curved pair."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from core.latent.noise import decayed

SIDE = 4
CLASSES = 5


@dataclass(frozen=True)
class Linear:
    """`x = 0.5 + W_y z`, of the shape (1, 4, 4); not kept in [0, 1]. W_y has a factor of its own for each class."""

    weight: Tensor

    @property
    def latent(self) -> int:
        return self.weight.shape[1]

    def decode(self, z: Tensor, labels: Tensor) -> Tensor:
        return (0.5 + (z @ self.weight.T) * (1 + 0.1 * labels[:, None])).view(-1, 1, SIDE, SIDE)


@dataclass(frozen=True)
class Curved:
    """A small convolutional decoder with ReLU and sigmoid, told the class by a shift; pictures (1, 8, 8)."""

    first: Tensor
    shift: Tensor
    last: Tensor

    @property
    def latent(self) -> int:
        return self.first.shape[1]

    def decode(self, z: Tensor, labels: Tensor) -> Tensor:
        hidden = (z @ self.first.T + self.shift[labels]).relu().view(-1, 4, SIDE, SIDE)
        return conv2d(interpolate(hidden, scale_factor=2.0, mode="bilinear"), self.last, padding=1).sigmoid()


def normal(*shape, seed, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def linear_autoencoder():
    """A linear generator with 12 numbers a code."""
    return Linear(normal(SIDE * SIDE, 12, seed=0, scale=0.1))


def curved_autoencoder():
    """A curved generator with 6 numbers a code."""
    return Curved(
        normal(4 * SIDE * SIDE, 6, seed=1),
        normal(CLASSES, 4 * SIDE * SIDE, seed=2, scale=0.3),
        normal(1, 4, 3, 3, seed=3, scale=0.5),
    )


def curved_classifier():
    """A curved classifier of the curved generator's pictures, frozen; it gives every class to some of them."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, CLASSES)).requires_grad_(False)
    net[1].weight.copy_(normal(16, 64, seed=10, scale=0.5))
    net[3].weight.copy_(normal(CLASSES, 16, seed=11))
    x = curved_autoencoder().decode(normal(200, 6, seed=12), torch.arange(200) % CLASSES)
    net[1].bias.copy_(-net[1].weight @ x.mean(0).flatten())
    net[3].bias.copy_(-net[3].weight @ net[:3](x).mean(0))
    return net.eval()


def codes_and_classes(generator, classifier, count=60):
    """Codes, and the classes the classifier gives to what they show in class 0: right for most in their own class."""
    z = normal(count, generator.latent, seed=0)
    return z, classifier(generator.decode(decayed(z, 1.0), torch.zeros(count, dtype=torch.int64))).argmax(1)


def planes(classes, seed=5, spread=0.5):
    """A linear classifier of pictures (1, 4, 4), frozen; its boundaries go through different places."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, classes))
    net.requires_grad_(False)
    net[1].weight.copy_(normal(classes, SIDE * SIDE, seed=seed, scale=4.0))
    net[1].bias.copy_(normal(classes, seed=seed + 1, scale=spread) - net[1].weight.sum(1) * 0.5)
    return net.eval()
