"""One image under attack: what the change looks like and what the classifier says afterwards."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core import norms
from core.attacks.pgd import Pgd
from core.explanations.perturbed import PerturbedImage
from core.explanations.prediction import check_image, probabilities
from core.models.zoo import ZooModel


@dataclass(frozen=True, slots=True)
class AttackResult(PerturbedImage):
    """One image before and after an attack on one model; all figures are measured here, from the images.

    Attributes:
        task: the task's key.
        model: the model attacked.
        settings: the attack's settings and the seed of its random starts.
        x: the image (C, H, W), float32 in [0, 1].
        x_adv: the attacked image (C, H, W), float32 in [0, 1].
        probs: softmax probabilities (K,) of `x`.
        probs_adv: softmax probabilities (K,) of `x_adv`.
        l2: Euclidean length of the change.
        rmse: root mean square of the change.
    """

    task: str
    model: str
    settings: dict[str, object]
    x: NDArray[np.float32]
    x_adv: NDArray[np.float32]
    probs: NDArray[np.float32]
    probs_adv: NDArray[np.float32]
    l2: float
    rmse: float


def attack_result(model: ZooModel, x: Tensor, attack: Pgd, seed: int = 0) -> AttackResult:
    """Attack the image `x` (1, C, H, W) away from the class that `model` predicts for it, and measure the outcome.

    Raises:
        InputError: `x` is not one image of the model's task, or the logits are not finite.
    """
    check_image(model, x)
    with torch.no_grad():
        probs = probabilities(model, model.fast(x))
    x_adv = attack(model.fast, x, probs.argmax(1), torch.Generator().manual_seed(seed))
    with torch.no_grad():
        probs_adv = probabilities(model, model.fast(x_adv))
    delta = x_adv - x
    return AttackResult(
        model.card.task,
        model.card.key,
        {**asdict(attack), "seed": seed},
        x[0].numpy(),
        x_adv[0].contiguous().numpy(),
        probs[0].numpy(),
        probs_adv[0].numpy(),
        float(norms.norm_of(delta, "l2")),
        float(norms.rmse(delta)),
    )
