"""Random crops and flips of a batch, drawn from a generator."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random shift by up to `padding` pixels (edges reflected) and a horizontal flip with probability 1/2.

    Raises:
        ConfigError: a negative padding.
    """

    padding: int = 4
    flip: bool = True

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise ConfigError(f"padding must be at least 0; got {self.padding}")

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The moved images, shape and dtype of `x` (B, C, H, W), float; channels of one example move together."""
        batch, _, height, width = x.shape
        p = self.padding
        if p:
            padded = pad(x, (p, p, p, p), mode="reflect")
            top = torch.randint(0, 2 * p + 1, (batch, 1), generator=generator)
            left = torch.randint(0, 2 * p + 1, (batch, 1), generator=generator)
            rows = (top + torch.arange(height))[:, None, :, None].to(x.device)
            columns = (left + torch.arange(width))[:, None, None, :].to(x.device)
            example = torch.arange(batch, device=x.device)[:, None, None, None]
            channel = torch.arange(x.shape[1], device=x.device)[None, :, None, None]
            x = padded[example, channel, rows, columns]
        if self.flip:
            flipped = torch.rand(batch, generator=generator).to(x.device) < 0.5
            x = torch.where(flipped[:, None, None, None], x.flip(3), x)
        return x
