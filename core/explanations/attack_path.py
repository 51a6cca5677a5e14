"""How an explanation comes about: picture, loss, size and probabilities at each step of the search."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.errors import ConfigError
from core.explanations.class_explanations import explaining
from core.explanations.prediction import check_image, probabilities
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel
from core.norms import rmse

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Path:
    """One image on its way towards a class, or away from it, frame by frame.

    Attributes:
        task: the task's key.
        model: the model's key.
        settings: `rho`, `steps`, `overshoot` and `precision`.
        target: the class encouraged, or discouraged where `away`.
        away: whether the class is made less likely.
        x: the image (C, H, W), float32 in [0, 1].
        frames: the image before each step and after the last (S + 1, C, H, W), float32, not clipped; the first is `x`.
        loss: cross-entropy of `target` on each frame (S + 1,), in nats.
        rmse: root mean square of each frame's change (S + 1,), in [0, 1] pixel units.
        probs: softmax probabilities of each frame (S + 1, K).
    """

    task: str
    model: str
    settings: dict[str, object]
    target: int
    away: bool
    x: Array
    frames: Array
    loss: Array
    rmse: Array
    probs: Array


def path(
    model: ZooModel,
    x: Tensor,
    target: int,
    rho: float,
    away: bool = False,
    steps: int = 35,
    overshoot: float = 5.0,
    precision: Precision = "float32",
) -> Path:
    """The course of the search that `core.explanations.class_explanations.explain` makes for one class.

    Args:
        model: of the image's task.
        x: one image (1, C, H, W), float32 in [0, 1].
        target: the class.
        rho: RMSE in [0, 1] pixel units.
        away: make the class less likely instead of more.
        steps: gradient steps S.
        overshoot: length of the search path over `rho`.
        precision: of the gradient steps; loss and probabilities are in float32.

    Raises:
        InputError: `x` is not one image of the model's task, or logits are not finite.
        ConfigError: no such class, or a setting out of range.
    """
    check_image(model, x)
    if not 0 <= target < model.task.classes:
        raise ConfigError(f"target must be a class in 0..{model.task.classes - 1}; got {target}")
    attack = explaining(rho, steps, overshoot)
    deltas: list[Tensor] = []
    seen: list[Tensor] = []

    def on_step(delta: Tensor, logits: Tensor) -> None:
        deltas.append(delta)
        seen.append(logits)

    labels, network = torch.tensor([target], device=x.device), stepping(model.fast, precision)
    attack(network, x, labels, encourage=torch.tensor([not away], device=x.device), on_step=on_step)
    delta, logits = torch.cat(deltas), torch.cat(seen)
    if network is not model.fast:
        with torch.no_grad():
            logits = model.fast(x + delta)
    return Path(
        model.card.task,
        model.card.key,
        {"rho": rho, "steps": steps, "overshoot": overshoot, "precision": precision},
        target,
        away,
        x[0].cpu().numpy(),
        (x + delta).contiguous().cpu().numpy(),
        cross_entropy(logits, labels.expand(len(logits)), reduction="none").cpu().numpy(),
        rmse(delta).cpu().numpy(),
        probabilities(model, logits).cpu().numpy(),
    )
