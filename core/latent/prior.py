"""A flow between codes that are N(0, I) and the codes of an encoder, class by class: what codes are like, learned."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from core.latent.laid_out import rows_through

STEPS = 16
"""Euler steps from N(0, I) to the codes."""
ROUNDS = 12  # of the iteration that undoes one of them, at most
STILL = 16.0  # units in the last place of 1: a round that moves no number by more has found its place
FREQUENCIES = 8  # of time, as the network is told it
BLOCKS = 3


def flow_parameters(latent: int, classes: int, width: int) -> int:
    """The number of trained values of a flow, by arithmetic."""
    told = (latent + 1) * width + (2 * FREQUENCIES + 1) * width + classes * width
    return told + BLOCKS * (2 * width + 2 * (width + 1) * width) + (width + 1) * latent


class FlowPrior(nn.Module):
    """The rectified flow `dz/dt = v(z, t, y)` from `z ~ N(0, I_n)` at t = 0 to an encoder's codes at t = 1.

    Liu, Gong, Liu 2023, arXiv:2209.03003; in latent space and class-conditional as in Rombach et al. 2022,
    arXiv:2112.10752. It is followed by `STEPS` Euler steps, each `z + v(z, t, y) / STEPS`: a residual network, whose
    steps are undone one by one by fixed-point iteration (Behrmann et al. 2019, arXiv:1811.00995, algorithm 1), as long
    as v changes by less than `STEPS` times what z does.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, latent: int, classes: int, width: int) -> None:
        """A flow for codes of length `latent`, by residual blocks of `width` units."""
        super().__init__()
        self.first = nn.Linear(latent, width)
        self.time = nn.Linear(2 * FREQUENCIES, width)
        self.label = nn.Embedding(classes, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(BLOCKS)
        )
        self.last = nn.Linear(width, latent)
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("deviation", torch.ones(latent))

    def begin(self, codes: Tensor, generator: torch.Generator) -> None:
        """Fresh weights drawn from `generator`, as the Gaussian with the mean and the deviations of `codes` (N, n)."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    nn.init.normal_(module.weight, std=module.in_features**-0.5, generator=generator)
                    nn.init.zeros_(module.bias)
            nn.init.normal_(self.label.weight, generator=generator)
            nn.init.zeros_(self.last.weight)  # no velocity: codes are z, scaled and shifted
            self.mean.copy_(codes.mean(0))
            self.deviation.copy_(codes.std(0))

    def standardised(self, codes: Tensor) -> Tensor:
        """Codes (N, n) with mean 0 and deviation 1, number by number."""
        return (codes - self.mean) / self.deviation

    def velocity(self, z: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """v (N, n) at places `z` (N, n) of the standardised codes, times `t` (N,) in [0, 1] and classes (N,).

        Where all have one time, `t` may be (1,).
        """
        return self._from(z, self._told(t, labels))

    def _told(self, t: Tensor, labels: Tensor) -> Tensor:
        """What the blocks are told of times (N,) or (1,) and classes (N,): (N, width)."""
        turns = t[:, None] * torch.pi * torch.arange(1, FREQUENCIES + 1, device=t.device, dtype=t.dtype)
        return silu(self.time(torch.cat([turns.sin(), turns.cos()], 1)) + self.label(labels))

    def _from(self, z: Tensor, told: Tensor) -> Tensor:
        """v (N, n) at places `z` (N, n), told what `_told` gives."""
        h = self.first(z)
        for block in self.blocks:
            change = h + told
            for layer in cast(nn.Sequential, block):
                change = rows_through(layer, change) if isinstance(layer, nn.Linear) else layer(change)
            h = h + change
        v: Tensor = self.last(h)
        return v

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """The encoder's codes (N, n) that belong to `z` (N, n), which has the prior N(0, I); differentiable in `z`."""
        for step in range(STEPS):
            z = z + self._from(z, self._told_at(step, z, labels)) / STEPS
        return self.mean + self.deviation * z

    def inverse(self, codes: Tensor, labels: Tensor) -> Tensor:
        """The `z` (N, n) whose codes these (N, n) are."""
        z = self.standardised(codes)
        still = STILL * torch.finfo(z.dtype).eps
        for step in reversed(range(STEPS)):
            before, told = z, self._told_at(step, z, labels)
            for _ in range(ROUNDS):
                latest, before = before, z - self._from(before, told) / STEPS
                if bool(((before - latest).abs() <= still).all()):
                    break
            z = before
        return z

    def _told_at(self, step: int, z: Tensor, labels: Tensor) -> Tensor:
        return self._told(torch.full((1,), step / STEPS, device=z.device, dtype=z.dtype), labels)


def flow_loss(prior: FlowPrior, codes: Tensor, labels: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """`|v(z_t, t, y) - (c - e)|^2` with `z_t = (1 - t) e + t c`, mean over codes and their numbers (eq. 1).

    Args:
        prior: what learns.
        codes: standardised codes c (N, n).
        labels: their classes (N,).
        noise: e (N, n) from N(0, I).
        t: times (N,) in [0, 1].
    """
    place = (1 - t[:, None]) * noise + t[:, None] * codes
    return (prior.velocity(place, t, labels) - (codes - noise)).square().mean()
