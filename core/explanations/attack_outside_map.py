"""An attack that changes the answer from where the heat map does not look."""

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.explanations.masked_attack import attack_on
from core.explanations.perturbed import PerturbedImage, common_fields
from core.explanations.prediction import check_image, probabilities
from core.explanations.smoothed_network import SmoothedMethod, check_gradient, check_method, heat_map_of
from core.models.zoo import ZooModel
from core.progress import OnProgress, silent

Where = Literal["outside", "inside", "anywhere"]
WHERE: tuple[Where, ...] = ("outside", "inside", "anywhere")

HIGHLIGHTED = 0.5
"""A map highlights the fewest pixels that hold so much of it."""
STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideAttackResult(PerturbedImage):
    """One image before and after an attack that keeps to a part of it.

    Attributes:
        method: whose heat map says what is highlighted, one of `METHODS`.
        heatmap: the map (H, W) of the class predicted for `x`: at least 0, adding up to 1 (0 where there is none).
        highlighted: the fewest pixels that hold half of the map, bool (H, W); none where there is no map.
        share_outside: of the sum of squared changes, the part on pixels that are not highlighted; 0 without a change.
    """

    method: SmoothedMethod
    heatmap: NDArray[np.float32]
    highlighted: NDArray[np.bool_]
    share_outside: float


def attack_outside(
    model: ZooModel,
    x: Tensor,
    method: SmoothedMethod,
    epsilon: float,
    where: Where = "outside",
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> OutsideAttackResult:
    """Attack the image `x` (1, C, H, W) away from the class that `model` predicts, only where the map is not high.

    Args:
        model: the model attacked.
        x: the image, float32 in [0, 1].
        method: whose map says what is highlighted, one of `METHODS`.
        epsilon: the most that an entry may change, in [0, 1] pixel units.
        where: "outside" what is highlighted; for contrast "inside" it, or "anywhere" (plain PGD).
        seed: of the random start.
        on_progress: called with steps done and of how many; may raise to end the work.

    Raises:
        InputError: `x` is not one image of the model's task, the logits are not finite, or the network has no gradient.
        ConfigError: epsilon < 0, or no such method or place.
    """
    check_image(model, x)
    return attacks_outside(model, x, method, epsilon, where, seed, on_progress)[0]


def attacks_outside(
    model: ZooModel,
    x: Tensor,
    method: SmoothedMethod,
    epsilon: float,
    where: Where = "outside",
    seed: int = 0,
    on_progress: OnProgress = silent,
) -> list[OutsideAttackResult]:
    """Attack several images (B, C, H, W) at once; arguments and errors as for `attack_outside`.

    The claim that attacks change the answer through regions outside those that a heat map highlights is that of the
    first version of arXiv:1906.02896 (Woods, Chen, Teuscher 2019); how large a region is highlighted, and that the
    attack is PGD in L-infinity with 10 steps whose change is 0 elsewhere, is our choice.
    """
    check_method(method)
    if where not in WHERE:
        raise ConfigError(f"where must be one of {', '.join(WHERE)}; got {where!r}")
    attack = Pgd(epsilon, steps=STEPS)
    with torch.no_grad():
        probs = probabilities(model, model.fast(x))
    check_gradient(model.fast, x)
    target = probs.argmax(1)
    heatmaps = heat_map_of(model.fast, x, target, method)
    highlighted = fewest_pixels(heatmaps, HIGHLIGHTED)
    x_adv = attack_on(_places(highlighted, where), model.fast, x, target, attack, seed, on_progress)
    on_progress(STEPS, STEPS)
    with torch.no_grad():
        probs_adv = probabilities(model, model.fast(x_adv))
    energy = (x_adv - x).square().sum(1)
    whole, outside = energy.sum((1, 2)), (energy * ~highlighted).sum((1, 2))
    shares = torch.where(whole > 0, outside / torch.where(whole > 0, whole, 1.0), 0.0)
    settings = {"where": where, "highlighted": HIGHLIGHTED, **asdict(attack), "seed": seed}
    return [
        OutsideAttackResult(
            **common_fields(model, settings, x[index], x_adv[index], probs[index], probs_adv[index]),
            method=method,
            heatmap=heatmaps[index].contiguous().cpu().numpy(),
            highlighted=highlighted[index].cpu().numpy(),
            share_outside=float(shares[index]),
        )
        for index in range(len(x))
    ]


def fewest_pixels(heatmaps: Tensor, share: float) -> Tensor:
    """The fewest pixels that hold at least `share` of each heat map (B, H, W), bool; none where a map is 0."""
    flat = heatmaps.flatten(1)
    values, order = flat.sort(dim=1, descending=True, stable=True)
    before = values.cumsum(1) - values  # what the pixels in front hold: once that is enough, no more are needed
    needed = (before < share * flat.sum(1, keepdim=True)) & (values > 0)
    return torch.zeros_like(needed).scatter(1, order, needed).view_as(heatmaps)


def _places(highlighted: Tensor, where: Where) -> Tensor:
    """Where the attack may change the images, bool (B, 1, H, W)."""
    match where:
        case "outside":
            places = ~highlighted
        case "inside":
            places = highlighted
        case "anywhere":
            places = torch.ones_like(highlighted)
    return places[:, None]
