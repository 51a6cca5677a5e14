"""Which images withstand an attack at each of several radii, without attacking what has already fallen."""

import dataclasses
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating


@differentiating
def robust_at(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    epsilons: Sequence[float],
    attack: Pgd,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Whether each image is still right at each radius, bool (B, E); its column means are the robust accuracy.

    `attack` runs at one radius after the other, from the smallest up. An image that is wrong when clean, or that fell
    at a smaller radius, counts as fallen at every larger one (the balls are nested) and is attacked no more; within an
    attack an image is left alone from the moment it falls. So rows never rise, and an image stands only where no
    iterate's answer was seen to be wrong: without random starts, the accuracy is at most that of the usual loop over
    radii, which looks at the last iterate of each radius alone. Whether an image fell is judged here, from the image
    that the attack returns.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
        labels: the right classes (B,), int64.
        epsilons: radii in input units, 0 or more, strictly increasing.
        attack: its epsilon and `stop_when_wrong` are replaced; a `step_size` of None follows each radius, a given one
            stays.
        generator: source of the random starts; needed when the attack has them.

    Raises:
        ConfigError: no radii, or radii that do not increase; a random start without a generator; a label of no class.
        InputError: pixels, or answers, that are no numbers.
    """
    if not epsilons or any(low >= high for low, high in itertools.pairwise(epsilons)):
        raise ConfigError(f"epsilons must be given and strictly increasing; got {list(epsilons)}")
    attacks = [dataclasses.replace(attack, epsilon=epsilon, stop_when_wrong=True) for epsilon in epsilons]
    model = CheckedNetwork(model, x, labels)
    stands = torch.zeros(len(x), len(epsilons), dtype=torch.bool, device=x.device)
    with torch.no_grad():
        active = (model(x).argmax(1) == labels).nonzero()[:, 0]
    for column, run in enumerate(attacks):
        if len(active) == 0:
            break
        x_adv = run(model, x[active], labels[active], generator)
        with torch.no_grad():
            active = active[model(x_adv).argmax(1) == labels[active]]
        stands[active, column] = True
    return stands
