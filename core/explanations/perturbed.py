"""What an image and its changed form have in common, whoever changed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.models.zoo import ZooModel

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbedImage:
    """One image before and after a change, with a network's answers; a base for what says more of it.

    All figures are measured here, from the images.

    Attributes:
        task: the task's key.
        model: the key of the network that the change was made against.
        settings: of what made the change, and its seed.
        x: the image (C, H, W), float32 in [0, 1].
        x_adv: the changed image (C, H, W), float32 in [0, 1].
        probs: softmax probabilities (K,) of `x`.
        probs_adv: softmax probabilities (K,) of `x_adv`.
    """

    task: str
    model: str
    settings: dict[str, object]
    x: Array
    x_adv: Array
    probs: Array
    probs_adv: Array

    @property
    def delta(self) -> Array:
        """`x_adv - x`, (C, H, W)."""
        return self.x_adv - self.x

    @property
    def linf(self) -> float:
        """The largest change of an entry, in units of the pixel range."""
        return float(np.abs(self.delta).max())

    @property
    def before(self) -> int:
        """The class predicted for `x`."""
        return int(self.probs.argmax())

    @property
    def after(self) -> int:
        """The class predicted for `x_adv`."""
        return int(self.probs_adv.argmax())

    @property
    def changed(self) -> bool:
        """Whether the answer is another."""
        return self.after != self.before


def common_fields(
    model: ZooModel, settings: Mapping[str, object], x: Tensor, x_adv: Tensor, probs: Tensor, probs_adv: Tensor
) -> dict[str, Any]:
    """The fields of `PerturbedImage` for one image (C, H, W) and its changed form, with their probabilities (K,)."""
    return {
        "task": model.card.task,
        "model": model.card.key,
        "settings": dict(settings),
        "x": x.contiguous().cpu().numpy(),
        "x_adv": x_adv.contiguous().cpu().numpy(),
        "probs": probs.cpu().numpy(),
        "probs_adv": probs_adv.cpu().numpy(),
    }
