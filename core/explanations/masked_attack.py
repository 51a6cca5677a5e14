"""An attack that may change some pixels alone."""

import torch
from torch import Tensor, nn

from core.attacks.pgd import Pgd
from core.progress import OnProgress, silent


class _OnlyThere(nn.Module):
    """The network, looking at the images as they came but for the places that may be changed.

    An attack asks it once for each step; `on_progress` is told before.
    """

    def __init__(self, model: nn.Module, x: Tensor, places: Tensor, steps: int, on_progress: OnProgress) -> None:
        super().__init__()
        self.model, self.x, self.places = model, x, places
        self.on_progress, self.done, self.steps = on_progress, 0, steps

    def forward(self, x_adv: Tensor) -> Tensor:
        self.on_progress(self.done, self.steps)
        self.done += 1
        logits: Tensor = self.model(torch.where(self.places, x_adv, self.x))
        return logits


def attack_on(
    places: Tensor,
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    attack: Pgd,
    seed: int,
    on_progress: OnProgress = silent,
) -> Tensor:
    """The images after an attack that changes them only in `places`, elsewhere to the last bit the same.

    A random start in L2 uses up a part of the radius outside of the places; give an attack without one there.

    Args:
        places: which pixels may change, bool, (B, 1, H, W) or what spreads to it.
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: clean images (B, C, H, W), float in [0, 1].
        labels: what the attack leads away from (B,), int64.
        attack: with one run.
        seed: of the random start.
        on_progress: called with steps done and of how many; may raise to end the work.
    """
    asked = _OnlyThere(model, x, places, attack.steps, on_progress)
    x_adv = attack(asked, x, labels, torch.Generator().manual_seed(seed))
    return torch.where(places, x_adv, x)
