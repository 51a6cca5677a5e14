"""One image under attack: what the change looks like and what the classifier says afterwards."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from core import norms
from core.attacks.pgd import Pgd
from core.attacks.square import Square
from core.explanations.perturbed import PerturbedImage, common_fields
from core.explanations.prediction import check_image, probabilities
from core.models.step_precision import Precision, stepping
from core.models.zoo import ZooModel


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackResult(PerturbedImage):
    """One image before and after an attack on one model.

    Attributes:
        l2: Euclidean length of the change.
        rmse: root mean square of the change.
    """

    l2: float
    rmse: float


def attack_result(
    model: ZooModel, x: Tensor, attack: Pgd | Square, seed: int = 0, precision: Precision = "float32"
) -> AttackResult:
    """Attack the image `x` (1, C, H, W) away from the class that `model` predicts for it, and measure the outcome.

    Gradient steps are taken in `precision`; all that is measured is in float32.

    Raises:
        InputError: `x` is not one image of the model's task, or the logits are not finite.
    """
    check_image(model, x)
    with torch.no_grad():
        probs = probabilities(model, model.fast(x))
    network = stepping(model.fast, precision)
    x_adv = attack(network, x, probs.argmax(1), torch.Generator().manual_seed(seed))
    settings = {**asdict(attack), "seed": seed, "precision": precision}
    return AttackResult(**attack_fields(model, settings, x, x_adv, probs[0]))


def attack_fields(
    model: ZooModel, settings: Mapping[str, object], x: Tensor, x_adv: Tensor, probs: Tensor
) -> dict[str, Any]:
    """The fields of `AttackResult` for an image (1, C, H, W), its attacked form, and the probabilities (K,) before.

    Raises:
        InputError: the logits of the attacked form are not finite.
    """
    with torch.no_grad():
        probs_adv = probabilities(model, model.fast(x_adv))
    delta = x_adv - x
    return {
        **common_fields(model, settings, x[0], x_adv[0], probs, probs_adv[0]),
        "l2": float(norms.norm_of(delta, "l2")),
        "rmse": float(norms.rmse(delta)),
    }
