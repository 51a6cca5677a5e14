"""How one classifier looks at one image: probabilities and input gradient, in one forward and one backward pass."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InputError
from core.models.architectures.catalogue import architecture_of
from core.models.zoo import ZooModel
from core.saliency.gradient import gradient


@dataclass(frozen=True, slots=True)
class Prediction:
    """One model's view of one image.

    Attributes:
        task: the task's key.
        model: the model's key.
        x: the image (C, H, W), float32 in [0, 1].
        probs: softmax probabilities (K,).
        target: the class whose logit the gradient explains (the one predicted).
        attributions: derivative of that logit with respect to the image (C, H, W), logits per unit of pixel range; None
            of a network that has no gradients.
    """

    task: str
    model: str
    x: NDArray[np.float32]
    probs: NDArray[np.float32]
    target: int
    attributions: NDArray[np.float32] | None

    @property
    def heatmap(self) -> NDArray[np.float32]:
        """The signed map (H, W) that is shown: the sum over channels (Ross and Doshi-Velez 2018, authors' code).

        Raises:
            InputError: the network has no gradients.
        """
        if self.attributions is None:
            raise InputError(f"{self.model} has no gradients")
        heat: NDArray[np.float32] = self.attributions.sum(0)
        return heat


def predict(model: ZooModel, x: Tensor) -> Prediction:
    """What `model` predicts for the image `x` (1, C, H, W), and the input gradient of that class, if it has gradients.

    Raises:
        InputError: `x` is not one image of the model's task, or the logits are not finite.
    """
    check_image(model, x)
    attributions = None
    if architecture_of(model.card.network).gradients:
        found, logits = gradient(model.fast, x, torch.tensor([-1], device=x.device))
        attributions = found[0].contiguous().cpu().numpy()
    else:
        with torch.no_grad():
            logits = model.fast(x)
    probs = probabilities(model, logits)
    return Prediction(
        model.card.task,
        model.card.key,
        x[0].cpu().numpy(),
        probs[0].cpu().numpy(),
        int(probs[0].argmax()),
        attributions,
    )


def check_image(model: ZooModel, x: Tensor) -> None:
    """Refuse anything but one float image of the model's task with values in [0, 1].

    Raises:
        InputError: the shape, type or range is another.
    """
    shape = (1, *model.task.shape)
    if tuple(x.shape) != shape or x.dtype != torch.float32:
        raise InputError(f"{model.card.key} takes one float32 image of shape {shape}; got {x.dtype} {tuple(x.shape)}")
    if not bool(((x >= 0) & (x <= 1)).all()):
        raise InputError("pixels must lie in [0, 1]")


def probabilities(model: ZooModel, logits: Tensor) -> Tensor:
    """Softmax of logits (B, K).

    Raises:
        InputError: a logit is not finite.
    """
    if not bool(logits.isfinite().all()):
        raise InputError(f"{model.card.key} answers this image with values that are not finite")
    return logits.softmax(1)
