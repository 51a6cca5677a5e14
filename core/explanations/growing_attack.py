"""An attack that grows: at each radius the image that it finds, the answer, and what explains the first answer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attacks.pgd import Pgd
from core.errors import ConfigError, InputError
from core.explanations.attack_result import attack_result
from core.explanations.prediction import predict
from core.models.step_precision import Precision
from core.models.zoo import ZooModel
from core.progress import OnProgress, ShouldStop, check, never, silent
from core.saliency.gradient import gradient

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class GrowingAttack:
    """One image as it is and under S - 1 attacks of rising radii on one model.

    Attributes:
        task: the task's key.
        model: the model's key.
        settings: the attacks, `seed` and `precision`, as plain values.
        radii: in input units (S,), from 0.
        x: the image and its attacked forms (S, C, H, W), float32 in [0, 1].
        probs: softmax probabilities (S, K).
        target: the class predicted for the image.
        attributions: derivative of the logit of `target` with respect to each of `x` (S, C, H, W).
    """

    task: str
    model: str
    settings: dict[str, object]
    radii: tuple[float, ...]
    x: Array
    probs: Array
    target: int
    attributions: Array

    @property
    def heatmaps(self) -> Array:
        """The signed maps (S, H, W) that are shown; see `core.explanations.prediction.Prediction.heatmap`."""
        maps: Array = self.attributions.sum(1)
        return maps


def growing_attack(
    model: ZooModel,
    x: Tensor,
    attacks: Sequence[Pgd],
    seed: int = 0,
    precision: Precision = "float32",
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> GrowingAttack:
    """Attack the image `x` (1, C, H, W) at rising radii, away from the class that `model` predicts for it.

    Each attack begins from the image, and is that of `core.explanations.attack_result.attack_result`: a larger one does
    not build on what a smaller one found, so that it may find less.

    Args:
        model: one that has gradients.
        x: float32 in [0, 1]; left unchanged.
        attacks: at least one, of rising radii above 0.
        seed: of each attack's random start.
        precision: of the attacks' gradient steps; all that is measured is in float32.
        on_progress: called with attacks done, and of how many.
        should_stop: asked before each attack.

    Raises:
        ConfigError: no attacks, or radii that do not rise from 0.
        InputError: `x` is not one image of the model's task, the model has no gradients, or its logits are not finite.
        StoppedError: `should_stop` says so.
    """
    radii = (0.0, *(attack.epsilon for attack in attacks))
    if len(radii) < 2 or any(low >= high for low, high in pairwise(radii)):
        raise ConfigError(f"radii must rise from 0; got {radii}")
    look = predict(model, x)
    if look.attributions is None:
        raise InputError(f"{model.card.key} has no gradients")
    images, probs, maps = [look.x], [look.probs], [look.attributions]
    target = torch.tensor([look.target], device=x.device)
    for done, attack in enumerate(attacks):
        check(should_stop)
        on_progress(done, len(attacks))
        attacked = attack_result(model, x, attack, seed, precision)
        attributions, _logits = gradient(model.fast, torch.tensor(attacked.x_adv[None], device=x.device), target)
        images.append(attacked.x_adv)
        probs.append(attacked.probs_adv)
        maps.append(attributions[0].contiguous().cpu().numpy())
    settings = {"attacks": [asdict(attack) for attack in attacks], "seed": seed, "precision": precision}
    arrays = np.stack(images), np.stack(probs), look.target, np.stack(maps)
    return GrowingAttack(model.card.task, model.card.key, settings, radii, *arrays)
