"""The explanations of classes at once: the image changed within a budget until the classifier believes the class."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attacks.scheduled import ScheduledAttack, explanation
from core.explanations.prediction import check_image, probabilities
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel
from core.progress import OnProgress, silent

Array = NDArray[np.float32]
FEW = 20
"""Up to so many classes, each is explained."""
LIKELIEST = 4
"""Explained where there are more."""


@dataclass(frozen=True, slots=True)
class Explanations:
    """What one model would add to one image to believe each class; all figures are measured from the images.

    A network that is sure of a class beyond the digits of float32 gives no gradient towards it: that picture then is
    the image itself, with an RMSE of 0.

    Attributes:
        task: the task's key.
        model: the model's key.
        settings: `rho`, `steps`, `overshoot` and `precision`.
        x: the image (C, H, W), float32 in [0, 1].
        probs: softmax probabilities (K,) of `x`.
        x_adv: the image changed towards each class explained (E, C, H, W), float32, as the method defines it: not
            clipped, so that pixels leave [0, 1].
        probs_adv: row e holds the probabilities (K,) of `x_adv[e]`.
        probs_shown: row e holds the probabilities (K,) of `x_adv[e]` clipped to [0, 1], which is what can be shown.
        x_away: the image (C, H, W) changed away from the class predicted, not clipped; None where it was not asked for.
        probs_away: the probabilities (K,) of `x_away`; None likewise.
        classes: the classes explained (E,), int64: all of them in label order, or of many the likeliest.
    """

    task: str
    model: str
    settings: dict[str, object]
    x: Array
    probs: Array
    x_adv: Array
    probs_adv: Array
    probs_shown: Array
    x_away: Array | None
    probs_away: Array | None
    classes: NDArray[np.int64]

    @property
    def predicted(self) -> int:
        """The class predicted for `x`."""
        return int(self.probs.argmax())

    @property
    def strongest_other(self) -> int:
        """The likeliest class but the one predicted; the one predicted where the task has no other."""
        order = np.argsort(-self.probs, kind="stable")
        return int(order[min(1, len(order) - 1)])

    @property
    def delta(self) -> Array:
        """`x_adv - x`, (E, C, H, W)."""
        return self.x_adv - self.x

    @property
    def rmse(self) -> Array:
        """The root mean square (E,) of each change, in [0, 1] pixel units; about `rho`."""
        sizes: Array = np.sqrt(np.square(self.delta).mean((1, 2, 3)))
        return sizes


def explain(
    model: ZooModel,
    x: Tensor,
    rho: float,
    steps: int = 35,
    overshoot: float = 5.0,
    on_progress: OnProgress = silent,
    precision: Precision = "float32",
    away: bool = True,
) -> Explanations:
    """The explanation of each class for the image `x` (1, C, H, W), and the change away from the prediction.

    Woods, Chen, Teuscher 2019 (arXiv:1906.02896), the form of the authors' code, there called g_explain+: the scheduled
    attack encourages each class within an RMSE of about `rho`. All classes, or of more than 20 the 4 likeliest, and the
    class predicted discouraged, run as one batch.

    Args:
        model: of the image's task.
        x: one image, float32 in [0, 1].
        rho: RMSE in [0, 1] pixel units; the paper's pictures have 0.1. 0 gives the image back.
        steps: gradient steps.
        overshoot: length of the search path over `rho`.
        on_progress: called with gradient passes done, and of how many; may raise to end the work.
        precision: of the gradient steps; all that is said of the pictures found is in float32. In bfloat16 the search
            goes another way and comes as far. (Our addition.)
        away: the change away from the prediction, too; the others are the same without it. (Our addition.)

    Raises:
        InputError: `x` is not one image of the model's task, or logits are not finite.
        ConfigError: a setting out of range.
    """
    check_image(model, x)
    attack = explaining(rho, steps, overshoot)
    if rho == 0:
        attack = replace(attack, skip=(0, steps))  # no step leads anywhere
    with torch.no_grad():
        probs = probabilities(model, model.fast(x))
    every = torch.arange(probs.shape[1], device=x.device)
    explained = every if len(every) <= FEW else probs[0].topk(LIKELIEST).indices
    count = len(explained)
    labels = torch.cat([explained, probs.argmax(1)]) if away else explained
    encourage = torch.arange(len(labels), device=x.device) < count
    images = x.expand(len(labels), -1, -1, -1)
    network = stepping(model.fast, precision)
    found = attack(network, images, labels, encourage=encourage, on_progress=on_progress)
    x_adv = images + found.delta
    assert found.logits is not None
    probs_adv = probabilities(model, found.logits)
    with torch.no_grad():
        probs_shown = probabilities(model, model.fast(x_adv[:count].clamp(0.0, 1.0)))
    return Explanations(
        model.card.task,
        model.card.key,
        {"rho": rho, "steps": steps, "overshoot": overshoot, "precision": precision},
        x[0].cpu().numpy(),
        probs[0].cpu().numpy(),
        x_adv[:count].contiguous().cpu().numpy(),
        probs_adv[:count].cpu().numpy(),
        probs_shown.cpu().numpy(),
        x_adv[count].contiguous().cpu().numpy() if away else None,
        probs_adv[count].cpu().numpy() if away else None,
        explained.cpu().numpy(),
    )


def explaining(rho: float, steps: int = 35, overshoot: float = 5.0) -> ScheduledAttack:
    """The attack that explains, with other than the paper's number of steps and length of path.

    Raises:
        ConfigError: a setting out of range.
    """
    return replace(explanation(rho), steps=steps, overshoot=overshoot)
