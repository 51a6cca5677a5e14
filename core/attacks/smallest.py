"""The smallest change that makes an image wrong, or its label no better than random: the searches of the ARA."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.attacks.scheduled import ARA_ATTACK, ScheduledAttack, ScheduledAttackResult
from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating
from core.norms import precise, rmse, steepest_ascent_direction

Goal = Literal["smallest", "better-than-random"]
GOALS: tuple[Goal, ...] = ("smallest", "better-than-random")

LONGEST, SHORTEST = 0.3, 0.003
"""Lengths of the first and the last of the finer steps, in units of the image's smallest distance so far."""


@dataclass(frozen=True, slots=True)
class SmallestChange:
    """The reference's 450-step search without its middle, and then, if asked for, finer steps in each image's scale.

    Woods et al. 2019 search the smallest change with 450 steps whose lengths fall linearly from 0.089 (RMSE) to 0.0002,
    see `ScheduledAttack`. An image swings around its boundary by about a step's length, and nearly all minima are found
    when the steps have become about as short as they are, among the last hundred. A few are found in the first steps,
    whose wide swings happen upon another class. In between little is found that is not found again. So the first
    `opening` and the last `steps` steps, as they are in the reference, give its figures in a share of the time. An
    image that meets the goal unchanged has distance 0 in the reference, too, and costs nothing here.

    The last steps of the reference are still a tenth of a fragile network's distances. `finer` further steps go on from
    what was found, with lengths that fall geometrically from `LONGEST` to `SHORTEST` of the image's own smallest
    distance so far, along the gradient of what rises across the goal's edge. (Our addition. With it distances are no
    longer those of the reference, but at most those of the same search without.)

    Attributes:
        goal: "smallest": the label is no longer the prediction; "better-than-random": its probability is at most 1/K.
        opening: how many of the reference's steps are done from its beginning,
        steps: and from its end; 450 together are all of them.
        finer: steps after those; 0 is the reference's form.
        clamp: keep the changed images in [0, 1]. (Our addition.)

    Raises:
        ConfigError: an unknown goal, steps < 1, opening or finer < 0, or more than 450 steps in all.
    """

    goal: Goal = "smallest"
    opening: int = 40
    steps: int = 200
    finer: int = 0
    clamp: bool = False

    def __post_init__(self) -> None:
        if self.goal not in GOALS:
            raise ConfigError(f"goal must be one of {', '.join(GOALS)}; got {self.goal!r}")
        if self.steps < 1 or self.opening < 0 or self.finer < 0 or self.opening + self.steps > ARA_ATTACK.steps:
            raise ConfigError(
                f"need steps >= 1, opening and finer >= 0, and opening + steps <= {ARA_ATTACK.steps}; got {self}"
            )

    @property
    def coarse(self) -> ScheduledAttack:
        """The reference's search, less the middle."""
        return replace(ARA_ATTACK, rule=self.goal, clamp=self.clamp, skip=(self.opening, ARA_ATTACK.steps - self.steps))

    @differentiating
    def __call__(self, model: nn.Module, x: Tensor, labels: Tensor) -> ScheduledAttackResult:
        """The smallest change found for each image, and before which of the reference's steps one was first found.

        Args:
            model: images (B, C, H, W) to logits (B, K), in eval mode.
            x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
            labels: the class made less likely (B,), int64.

        Raises:
            ConfigError: a label of no class.
            InputError: pixels, or answers, that are no numbers.
        """
        model, x = CheckedNetwork(model, x, labels), precise(x.detach())
        delta = torch.zeros_like(x)
        first = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        if len(x) == 0:
            return ScheduledAttackResult(delta, first)
        with torch.no_grad():
            todo = (~self.met(precise(model(x)), labels)).nonzero()[:, 0]
        if len(todo):
            found = self.coarse(model, x[todo], labels[todo])
            delta[todo], first[todo] = found.delta, found.first
            reached = todo[found.reached]
            if self.finer and len(reached):
                delta[reached] = self._refine(model, x[reached], labels[reached], delta[reached])
        return ScheduledAttackResult(delta, first)

    def met(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Whether the logits (B, K) of each image (B,) meet the goal for its label."""
        if self.goal == "smallest":
            return logits.argmax(1) != labels
        likely: Tensor = logits.softmax(1).gather(1, labels[:, None])[:, 0]
        return likely <= 1 / logits.shape[1]

    def _rises(self, logits: Tensor, labels: Tensor) -> Tensor:
        """What is the same all along the goal's edge and rises across it (B,), so that its gradient is upright there.

        For "better-than-random" that is cross-entropy, for "smallest" the lead of the strongest other class: there
        cross-entropy would pull towards all other classes at once.
        """
        if self.goal == "better-than-random":
            return cross_entropy(logits, labels, reduction="none")
        chosen = labels[:, None]
        return logits.scatter(1, chosen, -torch.inf).amax(1) - logits.gather(1, chosen)[:, 0]

    def _refine(self, model: nn.Module, x: Tensor, labels: Tensor, best: Tensor) -> Tensor:
        """Changes (B, C, H, W) no larger than `best`, all of which meet the goal."""
        delta, smallest = best, rmse(best)
        for step in range(self.finer + 1):
            delta = delta.detach().requires_grad_()
            logits = precise(model(x + delta))
            (grad,) = torch.autograd.grad(self._rises(logits, labels).sum(), delta)
            delta = delta.detach()
            met = self.met(logits.detach(), labels)
            better = met & (rmse(delta) < smallest)
            best = torch.where(_spread(better), delta, best)
            smallest = torch.where(better, rmse(delta), smallest)
            direction = steepest_ascent_direction(torch.where(_spread(met), -delta, grad), "l2") * math.sqrt(
                x[0].numel()
            )  # RMSE 1
            length = smallest * LONGEST * (SHORTEST / LONGEST) ** (step / self.finer)
            delta = delta + _spread(length) * direction
            if self.clamp:
                delta = (x + delta).clamp(0.0, 1.0) - x
        return best


def _spread(values: Tensor) -> Tensor:
    """Values (B,) as (B, 1, 1, 1)."""
    return values[:, None, None, None]
