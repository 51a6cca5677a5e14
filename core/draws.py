"""Random draws that are the same on every device: made where the generator lives, and moved to where they are needed.

A generator of the CPU and one of a GPU give other numbers for the same seed. So a generator here is one of the CPU,
whatever device the networks are on, and nothing is drawn where they are; on the CPU nothing is moved.
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor


def uniform(shape: Sequence[int], generator: Generator, like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Numbers of `shape`, uniform in [0, 1), in `dtype` or else the type, and on the device of `like`."""
    drawn = torch.rand(tuple(shape), generator=generator, dtype=dtype or like.dtype, device=generator.device)
    return drawn.to(like.device)


def gaussian(shape: Sequence[int], generator: Generator, like: Tensor) -> Tensor:
    """Numbers of `shape` from N(0, 1), in the type and on the device of `like`."""
    return torch.randn(tuple(shape), generator=generator, dtype=like.dtype, device=generator.device).to(like.device)


def integers(high: int, shape: Sequence[int], generator: Generator, like: Tensor) -> Tensor:
    """Whole numbers of `shape` in 0 .. `high` - 1, int64, on the device of `like`."""
    return torch.randint(high, tuple(shape), generator=generator, device=generator.device).to(like.device)


def permutation(count: int, generator: Generator, like: Tensor) -> Tensor:
    """The numbers 0 .. `count` - 1 in a random order, int64, on the device of `like`."""
    return torch.randperm(count, generator=generator, device=generator.device).to(like.device)
