"""What latent methods need of a generative model: pictures from codes and classes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

Classifier = Callable[[Tensor], Tensor]
"""Images (B, C, H, W) in [0, 1] to logits (B, K), in eval mode with frozen parameters."""


class Decoder(Protocol):
    """A class-conditional decoder whose codes have the prior N(0, I)."""

    @property
    def latent(self) -> int:
        """The length n of a code."""

    def decode(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] from codes (B, n) and classes (B,); differentiable in z, row by row."""


@dataclass(frozen=True, slots=True)
class OneClass:
    """A decoder that draws one class, whatever it is told: a search can then ask about another answer than that class.

    Attributes:
        decoder: what draws.
        label: the class that it draws.
    """

    decoder: Decoder
    label: int

    @property
    def latent(self) -> int:
        """The length n of a code."""
        return self.decoder.latent

    def decode(self, z: Tensor, labels: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] from codes (B, n), all drawn as `label`; `labels` (B,) are not looked at."""
        return self.decoder.decode(z, labels.new_full(labels.shape, self.label))
