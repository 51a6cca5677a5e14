"""What a natural change is: one number, the amount, says how far a picture is turned, darkened, blurred or covered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.errors import ConfigError

Group = Literal["view", "light", "quality"]

Apply = Callable[[Tensor, Tensor], Tensor]
"""Images (B, C, H, W) in [0, 1] and an amount for each (B,) to the changed images, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Change:
    """A natural change, and the range of its amount.

    Attributes:
        key: its name in links and files.
        title: its name for people.
        low: the smallest amount.
        high: the largest.
        rest: the amount at which a picture stays as it is.
        unit: what stands behind an amount, with the space before it.
        meaning: what an amount means, one sentence.
        apply: makes it. It draws nothing: noise and fog are the same at every call.
        group: what kind of change it is.
        differentiable: whether the changed picture has a useful derivative by the amount and by the picture.
        colour: whether it needs a picture in colour.
        whole: whether only whole numbers are amounts.
        step: of a slider; every amount in between is possible.
    """

    key: str
    title: str
    low: float
    high: float
    rest: float
    unit: str
    meaning: str
    apply: Apply
    group: Group
    differentiable: bool = True
    colour: bool = False
    whole: bool = False
    step: float = 1.0

    def __call__(self, x: Tensor, amounts: Tensor | float) -> Tensor:
        """The images (B, C, H, W) changed; exactly as they were where the amount is `rest`.

        Args:
            x: images in [0, 1]; left unchanged.
            amounts: one for all, or one an image (B,).

        Raises:
            ConfigError: an amount outside of the range, or a picture that is not in colour where that is needed.
        """
        amounts = torch.as_tensor(amounts, dtype=x.dtype, device=x.device).expand(len(x))
        if not bool(((amounts >= self.low) & (amounts <= self.high)).all()):
            raise ConfigError(f"{self.key} must lie between {self.low:g} and {self.high:g}; got {amounts.tolist()}")
        if self.colour and x.shape[1] != 3:
            raise ConfigError(f"{self.key} needs pictures in colour; got {x.shape[1]} channel")
        resting = (amounts == self.rest)[:, None, None, None]
        return x if bool(resting.all()) else torch.where(resting, x, self.apply(x, amounts))

    def share(self, amount: float) -> float:
        """How far an amount is from rest, as a share of the way to the end of its side."""
        end = self.high if amount > self.rest else self.low
        return 0.0 if amount == self.rest else (amount - self.rest) / (end - self.rest)

    def positions(self, count: int) -> list[float]:
        """About `count` amounts from one end to the other with `rest` among them, evenly spaced on either side.

        Raises:
            ConfigError: count < 2.
        """
        if count < 2:
            raise ConfigError(f"count must be at least 2; got {count}")
        sides = [end for end in (self.low, self.high) if end != self.rest]
        steps = -(-(count - 1) // len(sides))
        return sorted({amount for end in sides for amount in self.towards(end, steps)} | {self.rest})

    def towards(self, end: float, steps: int) -> list[float]:
        """At most `steps` evenly spaced amounts from rest to an end of the range, without rest itself."""
        amounts = [self.settled(float(amount)) for amount in np.linspace(self.rest, end, steps + 1)]
        return list(dict.fromkeys(amount for amount in amounts if amount != self.rest))

    def settled(self, amount: float) -> float:
        """The nearest amount that there is."""
        return float(round(amount)) if self.whole else amount

    def words(self, amount: float) -> str:
        """An amount with its unit, to a hundredth of the range or better."""
        decimals = 0 if self.whole else 1 if self.high - self.low > 20 else 2
        return f"{amount:.{decimals}f}{self.unit}".replace("-", "−")
