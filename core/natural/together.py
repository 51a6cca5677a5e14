"""The smallest of several natural changes at once that changes a classifier's answer: their amounts, by gradient."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.draws import uniform
from core.errors import ConfigError, InputError
from core.models.asking import check_answers, differentiating
from core.natural.catalogue import changed, changes_of
from core.natural.change import Change
from core.natural.ribbons import CHUNK, Classifier
from core.norms import steepest_ascent_direction
from core.progress import OnProgress, ShouldStop, check, never, silent

STARTS, STEPS, GAMMA, HALVINGS = 4, 40, 0.08, 12
FIRST, LONGEST, SHORTEST = 0.4, 0.25, 0.005
"""The first radius, and the lengths of the first and the last step, in shares of the sliders' ways."""
SLACK = 1.01
"""A change is left out where so much of the others makes up for it."""


@dataclass(frozen=True, slots=True)
class SmallestTogether:
    """What a search over several changes found.

    Attributes:
        label: the class answered at rest, whatever is right.
        found: whether another answer was found.
        amounts: by key, of the changes that are not at rest, in the catalogue's order; empty where nothing is found.
        answer: the class answered under them.
        size: length of their shares, each the distance from rest as a share of its side's way: the square root of the
            sum of squares; infinite where nothing is found. Of one change alone it is its share.
        x: the picture under them (C, H, W), float32 in [0, 1].
    """

    label: int
    found: bool
    amounts: Mapping[str, float]
    answer: int
    size: float
    x: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Sides:
    """The changes that are searched, and what a share of each means: amounts, and the least and largest share."""

    changes: tuple[Change, ...]

    def bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        ends = [(-float(one.low < one.rest), float(one.high > one.rest)) for one in self.changes]
        low, high = torch.tensor(ends, dtype=like.dtype, device=like.device).unbind(1)
        return low, high

    def amounts(self, shares: Tensor) -> list[Tensor]:
        """By change the amounts (B,) of shares (B, D): above 0 towards the high end, below towards the low one."""
        return [
            one.rest + share.clamp(min=0) * (one.high - one.rest) + share.clamp(max=0) * (one.rest - one.low)
            for one, share in zip(self.changes, shares.unbind(1), strict=True)
        ]

    def named(self, shares: Tensor) -> dict[str, float]:
        """The amounts of one row (D,) that are not at rest, within their ranges whatever was rounded."""
        amounts = [float(amount) for amount in self.amounts(shares[None])]
        return {
            one.key: min(max(amount, one.low), one.high)
            for one, amount, share in zip(self.changes, amounts, shares.tolist(), strict=True)
            if share
        }

    def shares(self, amounts: Mapping[str, float]) -> list[float]:
        return [
            math.copysign(one.share(amounts[one.key]), amounts[one.key] - one.rest) if one.key in amounts else 0.0
            for one in self.changes
        ]


@differentiating
def smallest_together(
    classifier: Classifier,
    x: Tensor,
    start: Mapping[str, float] | None = None,
    seed: int = 0,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> SmallestTogether:
    """The smallest amounts of all differentiable changes together that are answered otherwise than the picture at rest.

    Direction and length are searched apart, as DDN does with pixels (Rony et al. 2019, arXiv:1811.09600, Alg. 1), here
    in the space of the sliders: from `STARTS` drawn places, `STEPS` times along the gradient of how far the best other
    class leads, onto a sphere that shrinks by `GAMMA` where the answer is another and grows where it is not. What is
    found loses one change after another, the least first, where 1 % more of the others makes up for it, and is moved
    towards rest by bisection. It is an upper bound, checked as `changed` makes the picture. JPEG has no gradient and
    takes no part.

    Args:
        classifier: pictures to logits, in eval mode, differentiable.
        x: one picture (1, C, H, W) in [0, 1].
        start: amounts by key that are known to change the answer; what is found is not larger.
        seed: of the places that the search starts from.
        on_progress: called with the steps done, and of how many.
        should_stop: asked before each step.

    Raises:
        ConfigError: an amount in `start` that there is none of.
        InputError: not one picture, or answers that are not finite.
        StoppedError: `should_stop` says so.
    """
    if x.dim() != 4 or len(x) != 1:
        raise InputError(f"need one picture (1, C, H, W); got {tuple(x.shape)}")
    sides = _Sides(tuple(one for one in changes_of(x.shape[1]).values() if one.differentiable))
    unknown = {*(start or {})} - {one.key for one in sides.changes}
    if unknown:
        raise ConfigError(f"{', '.join(sorted(unknown))} can't be searched together with others")

    def answer(amounts: Mapping[str, float]) -> int:
        with torch.no_grad():
            return int(check_answers(classifier(changed(x, amounts))).argmax())

    label = answer({})
    candidates = [torch.tensor(sides.shares(start), dtype=x.dtype)] if start else []
    candidates += _searched(classifier, x, label, sides, seed, on_progress, should_stop)
    best, length, ends = None, math.inf, sides.bounds(torch.zeros((), dtype=x.dtype))
    for candidate in candidates:
        check(should_stop)
        if answer(sides.named(candidate)) != label:
            shares = _nearer(candidate, lambda given: answer(sides.named(given)) != label, *ends)
            if float(shares.norm()) < length:
                best, length = shares, float(shares.norm())
    amounts = {} if best is None else sides.named(best)
    picture = changed(x, amounts)[0].detach().cpu().numpy()
    return SmallestTogether(label, best is not None, amounts, answer(amounts), length, picture)


def _searched(
    classifier: Classifier,
    x: Tensor,
    label: int,
    sides: _Sides,
    seed: int,
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> list[Tensor]:
    """The smallest shares (D,) of each start that were answered otherwise, on the CPU."""
    low, high = sides.bounds(x)
    generator = torch.Generator().manual_seed(seed)
    shares = low + (high - low) * uniform((STARTS, len(sides.changes)), generator, x)
    radius = x.new_full((STARTS,), FIRST)
    best, smallest = shares.clone(), x.new_full((STARTS,), torch.inf)
    for step in range(STEPS):
        check(should_stop)
        length = shares.norm(dim=1)
        shares = (shares * (radius / length.clamp_min(1e-12))[:, None]).clamp(low, high)
        lead, grad = _leads(classifier, x, label, sides, shares)
        other, length = lead > 0, shares.norm(dim=1)
        better = other & (length < smallest)
        best[better], smallest[better] = shares[better], length[better]
        radius = radius * torch.where(other, 1 - GAMMA, 1 + GAMMA)
        alpha = SHORTEST + (LONGEST - SHORTEST) * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        shares = shares + alpha * steepest_ascent_direction(grad, "l2")
        on_progress(step + 1, STEPS)
    return [best[number].cpu() for number in range(STARTS) if bool(smallest[number].isfinite())]


def _leads(classifier: Classifier, x: Tensor, label: int, sides: _Sides, shares: Tensor) -> tuple[Tensor, Tensor]:
    """How far the best other class leads for each row of shares (B, D), and its gradient by them; a chunk at a time."""
    size = max(1, CHUNK // (4 * x.shape[-2] * x.shape[-1]))  # what a gradient needs is kept of every layer
    leads, grads = [], []
    for part in shares.split(size):
        leaf = part.detach().requires_grad_()
        made = x.expand(len(part), -1, -1, -1)
        for change, amounts in zip(sides.changes, sides.amounts(leaf), strict=True):
            made = change.apply(made, amounts)  # at rest, too, where the change itself would have no gradient
        logits = check_answers(classifier(made)).float()
        others = logits.clone()
        others[:, label] = -torch.inf
        lead = others.amax(1) - logits[:, label]
        (grad,) = torch.autograd.grad(lead.sum(), leaf)
        leads.append(lead.detach())
        grads.append(grad.nan_to_num(0.0, 0.0, 0.0))  # of the hue of grey
    return torch.cat(leads), torch.cat(grads)


def _nearer(shares: Tensor, other: Callable[[Tensor], bool], low: Tensor, high: Tensor) -> Tensor:
    """Shares (D,) that are answered otherwise: fewer of them, and nearer to rest."""
    kept = shares.clone()
    for place in shares.abs().argsort().tolist():
        without = (kept * SLACK).clamp(low, high)
        without[place] = 0
        if other(without):
            kept = without
    inside, outside = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if other(kept * middle) else (middle, outside)
    return kept * outside
