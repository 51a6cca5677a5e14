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
        return self.with_maps(x, None, generator)[0]

    def with_maps(self, x: Tensor, maps: Tensor | None, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The moved images, and their annotations `maps` (B, M, H, W) moved in the same way, or None without any.

        Where a shift uncovers a border, an image shows its own reflection and a map says -1: what is mirrored in is
        not the object that was annotated. The draws from `generator` do not depend on `maps`.
        """
        batch = len(x)
        p = self.padding
        if p:
            top = torch.randint(0, 2 * p + 1, (batch, 1), generator=generator)
            left = torch.randint(0, 2 * p + 1, (batch, 1), generator=generator)
            x = _crop(pad(x, (p, p, p, p), mode="reflect"), top, left, x.shape)
            if maps is not None:
                maps = _crop(pad(maps, (p, p, p, p), value=-1.0), top, left, maps.shape)
        if self.flip:
            flipped = (torch.rand(batch, generator=generator).to(x.device) < 0.5)[:, None, None, None]
            x = torch.where(flipped, x.flip(3), x)
            if maps is not None:
                maps = torch.where(flipped, maps.flip(3), maps)
        return x, maps


def _crop(padded: Tensor, top: Tensor, left: Tensor, shape: torch.Size) -> Tensor:
    """The window of `shape` (B, C, H, W) of each example whose corner is `top`, `left` (B, 1)."""
    batch, channels, height, width = shape
    device = padded.device
    rows = (top + torch.arange(height))[:, None, :, None].to(device)
    columns = (left + torch.arange(width))[:, None, None, :].to(device)
    example = torch.arange(batch, device=device)[:, None, None, None]
    channel = torch.arange(channels, device=device)[None, :, None, None]
    return padded[example, channel, rows, columns]
