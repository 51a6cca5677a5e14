"""The critic that a generator is trained against: it looks at pictures and at what a frozen classifier sees in them."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, normalize

from core.errors import ConfigError
from core.latent.network import SLOPE, gather

GAIN = (2.0 / (1.0 + SLOPE**2)) ** 0.5  # keeps the size of features through a leaky ReLU


class SpectralConv(nn.Module):
    """A convolution whose weight is divided by its largest singular value (Miyato et al. 2018, arXiv:1802.05957).

    The weight is taken as a matrix (outputs, rest); one power iteration a call in train mode follows its singular
    vector.
    """

    u: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, generator: torch.Generator) -> None:
        super().__init__()
        self.stride = stride
        self.padding = (size - 1) // 2
        # Near the scale that it is used at, so that a learning rate means what it does elsewhere.
        scale = (inputs * size**2) ** -0.5
        self.weight = nn.Parameter(scale * torch.randn(outputs, inputs, size, size, generator=generator))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("u", normalize(torch.randn(outputs, generator=generator), dim=0))

    def forward(self, h: Tensor) -> Tensor:
        """Features (N, outputs, H / stride, W / stride) of features (N, inputs, H, W)."""
        matrix = self.weight.flatten(1)
        with torch.no_grad():
            v = normalize(matrix.T @ self.u, dim=0)
            u = normalize(matrix @ v, dim=0)
            if self.training:
                self.u.copy_(u)
        return conv2d(h, self.weight / (u @ matrix @ v), self.bias, self.stride, self.padding)


class Head(nn.Module):
    """Features to one score a picture, higher where they look real for the label: the mean of the scores of its places.

    The label enters by projection: the inner product of its embedding and the features (Miyato, Koyama 2018,
    arXiv:1802.05637). The last layer is free, so that scores can grow to the margins of the hinge.
    """

    def __init__(self, inputs: int, halvings: int, width: int, classes: int, generator: torch.Generator) -> None:
        super().__init__()
        steps = [SpectralConv(inputs, width, 3, 1, generator)]
        steps += [SpectralConv(width, width, 4, 2, generator) for _ in range(halvings)]
        steps.append(SpectralConv(width, width, 3, 1, generator))
        self.steps = nn.ModuleList(steps)
        self.score = nn.Linear(width, 1)
        self.of = nn.Embedding(classes, width)
        for weight in (self.score.weight, self.of.weight):
            nn.init.normal_(weight, std=width**-0.5, generator=generator)
        nn.init.zeros_(self.score.bias)

    def forward(self, h: Tensor, labels: Tensor) -> Tensor:
        """Scores (N,) of features (N, inputs, H, W) for `labels` (N,)."""
        for step in self.steps:
            h = GAIN * leaky_relu(step(h), SLOPE)
        pooled = h.float().mean((2, 3))
        scores: Tensor = self.score(pooled)[:, 0] + (pooled * self.of(labels)).sum(1)
        return scores


class Critic(nn.Module):
    """Scores of pictures by several heads: one looks at the pixels, the others at the stages of a frozen classifier.

    Reading a trained network's features makes a critic learn from far fewer pictures (Sauer et al. 2021,
    arXiv:2111.01007); the head on pixels sees what those features leave out.
    """

    def __init__(
        self, shape: tuple[int, int, int], widths: tuple[int, ...], classes: int, width: int, generator: torch.Generator
    ) -> None:
        """A critic for images of `shape` (C, H, W) and a classifier whose stages have `widths` channels.

        The first stage is left to the head on pixels, which sees as much. The second is halved once before it is
        judged, those after it are small enough.

        Raises:
            ConfigError: fewer than two stages.
        """
        super().__init__()
        if len(widths) < 2:
            raise ConfigError(f"a critic reads a classifier of two stages or more; this one has {len(widths)}")
        self.pixels = Head(4 * shape[0], 1, width, classes, generator)
        self.stages = nn.ModuleList(
            Head(inputs, int(place == 0), width, classes, generator) for place, inputs in enumerate(widths[1:])
        )

    def forward(self, x: Tensor, features: list[Tensor], labels: Tensor) -> list[Tensor]:
        """Each head's scores (N,) of images `x` with the classifier's `features`, for `labels` (N,)."""
        seen = [head(h, labels) for head, h in zip(self.stages, features[1:], strict=True)]
        return [self.pixels(gather(2.0 * x - 1.0), labels), *seen]


def critic_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """The hinge loss that the critic lowers (Lim, Ye 2017, arXiv:1705.02894), mean over heads."""
    losses = [torch.relu(1 - r).mean() + torch.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(losses).mean()


def critic_approval(fake: list[Tensor]) -> Tensor:
    """How real the critic finds generated pictures, mean over heads: what the generator raises."""
    return torch.stack([scores.mean() for scores in fake]).mean()
