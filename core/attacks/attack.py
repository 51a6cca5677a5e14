"""What every attack of the catalogue is: its names and source, what it needs, and one call that all share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.norms import Norm


@dataclass(frozen=True, slots=True)
class AttackRequest:
    """One call of an attack.

    Attributes:
        model: images (B, C, H, W) to logits (B, K), in eval mode; never changed.
        x: clean images (B, C, H, W), float in [0, 1].
        labels: the classes that the images lead away from (B,), int64; of an attack that aims, those that it leads to.
        epsilon: radius of the ball in the attack's norm, in [0, 1] pixel units.
        steps: gradient steps, where the attack takes several.
        generator: source of the random start of an attack that can draw one; None starts at the image itself.
    """

    model: nn.Module
    x: Tensor
    labels: Tensor
    epsilon: float
    steps: int = 10
    generator: torch.Generator | None = None


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack that stays within a ball around the image.

    Attributes:
        key: its name in files and URLs.
        title: its name for people.
        source: the paper, with section or equation.
        run: images (B, C, H, W), in [0, 1] and within epsilon of `x`; whether they fool anybody is for the caller to
            judge.
        norm: of the ball.
        aims: whether it leads to the labels instead of away from them.
        iterates: whether it takes several steps.
        draws: whether it starts at a random point where it is given a generator.
        queries: answers of the network that an attack without gradients asks for in place of a step; 0 for one that
            follows a gradient.
    """

    key: str
    title: str
    source: str
    run: Callable[[AttackRequest], Tensor]
    norm: Norm = "linf"
    aims: bool = False
    iterates: bool = False
    draws: bool = False
    queries: int = 0
