"""The end of a minimum search: from a wrong code to the nearest point of the edge that it lies behind."""

from collections.abc import Callable

import torch
from torch import Tensor

from core.latent.margin import misclassified
from core.latent.noise import scaled_norm
from core.latent.starts import unit

HALVINGS = 12
ROUNDS = 2

Ask = Callable[[Tensor], Tensor]
"""Offsets from the centres (A, n) to logits (A, K)."""


def at_the_edge(ask: Ask, labels: Tensor, offset: Tensor, safe: Tensor) -> Tensor:
    """Offsets (A, n) no longer than `offset` whose pictures are wrong, just across an edge of the right ones.

    First the bisection between the last safe point of the run and its wrong one. That alone leaves a linear problem's
    distance too long wherever the run came in at an angle. So in `ROUNDS` rounds all edges are taken for planes, as
    they are seen from the point reached (after DeepFool, Moosavi-Dezfooli et al. 2016, arXiv:1511.04599, Alg. 2); where
    the nearest of them lies, as far out as was reached, is looked at, and if the picture there is wrong, bisection
    brings it back towards the centre. Nothing is ever made longer.

    Args:
        ask: logits at offsets; the centres' own pictures are right.
        labels: the right classes (A,).
        offset: where pictures are wrong (A, n).
        safe: where they are right (A, n).
    """
    offset = _shorter(offset, _bisected(ask, labels, safe, offset))
    centre = torch.zeros_like(offset)
    for _ in range(ROUNDS):
        ahead = scaled_norm(offset)[:, None] * _towards_nearest(ask, labels, offset)
        with torch.no_grad():
            there = misclassified(ask(ahead), labels)
        offset = _shorter(offset, _bisected(ask, labels, centre, torch.where(there[:, None], ahead, offset)))
    return offset


def _bisected(ask: Ask, labels: Tensor, safe: Tensor, offset: Tensor) -> Tensor:
    """Wrong points on the way from `safe` to `offset` (A, n), within 2^-12 of it behind an edge."""
    for _ in range(HALVINGS):
        middle = (safe + offset) / 2
        with torch.no_grad():
            there = misclassified(ask(middle), labels)[:, None]
        safe, offset = torch.where(there, safe, middle), torch.where(there, middle, offset)
    return offset


def _towards_nearest(ask: Ask, labels: Tensor, offset: Tensor) -> Tensor:
    """From the centre, the direction of scaled norm 1 to the nearest edge (A, n), taking edges for planes."""
    here = offset.detach().requires_grad_()
    logits = ask(here)
    lead = logits - logits.gather(1, labels[:, None])
    nearest = offset.new_full((len(offset),), torch.inf)
    direction = unit(offset)
    for k in range(logits.shape[1]):
        (slope,) = torch.autograd.grad(lead[:, k].sum(), here, retain_graph=True)
        steepness = slope.norm(dim=1).clamp_min(1e-12)
        distance = ((slope * offset).sum(1) - lead[:, k].detach()) / steepness
        nearer = (distance > 0) & (distance < nearest)  # the right class itself leads by nothing and lies nowhere
        nearest = torch.where(nearer, distance, nearest)
        direction = torch.where(nearer[:, None], unit(slope), direction)
    return direction


def _shorter(one: Tensor, other: Tensor) -> Tensor:
    """The shorter of two offsets (A, n), row by row; `one` of equals."""
    return torch.where((scaled_norm(other) < scaled_norm(one))[:, None], other, one)
