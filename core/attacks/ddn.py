"""DDN: the smallest L2 change that makes an image wrong, by steps whose direction and length are kept apart."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.attacks.softened import Softened
from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating
from core.norms import precise, round_towards, steepest_ascent_direction


@dataclass(frozen=True, slots=True)
class Ddn:
    """Decoupled direction and norm (Rony et al. 2019, arXiv:1811.09600, Alg. 1), untargeted.

    Each step follows the normalised gradient of cross-entropy with a length that falls by a cosine from 1 to 0.01 (in
    input units), and then puts the change on a sphere that shrinks by `gamma` where the image is wrong and grows by it
    where it is right. The change is clamped so that images stay in [0, 1]; unlike the paper's, it is not quantised, and
    the network is `Softened`, so that one which is certain does not count as robust for that.

    Attributes:
        steps: as the paper's, 100.
        start: the first radius, in input units.
        gamma: how fast the radius changes.

    Raises:
        ConfigError: steps < 1, start <= 0, or gamma outside (0, 1).
    """

    steps: int = 100
    start: float = 1.0
    gamma: float = 0.05

    def __post_init__(self) -> None:
        if self.steps < 1 or self.start <= 0 or not 0 < self.gamma < 1:
            raise ConfigError(f"need steps >= 1, start > 0 and 0 < gamma < 1; got {self}")

    @differentiating
    def __call__(self, model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
        """The nearest wrong image found (B, C, H, W), in [0, 1]; the image itself where none was, or it was wrong.

        Args:
            model: images (B, C, H, W) to logits (B, K), in eval mode.
            x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
            labels: the right classes (B,), int64.

        Raises:
            ConfigError: a label of no class.
            InputError: pixels, or answers, that are no numbers.
        """
        clean, soft = x.detach(), Softened(CheckedNetwork(model, x, labels))
        x = precise(clean)
        best, smallest = x.clone(), x.new_full((len(x),), torch.inf)
        radius = x.new_full((len(x),), self.start)
        delta = torch.zeros_like(x)
        for step in range(self.steps + 1):
            x_adv = (x + delta).requires_grad_()
            logits = precise(soft(x_adv))
            (grad,) = torch.autograd.grad(cross_entropy(logits, labels, reduction="sum"), x_adv)
            x_adv, wrong = x_adv.detach(), logits.detach().argmax(1) != labels
            length = delta.flatten(1).norm(dim=1)
            better = wrong & (length < smallest)
            best[better], smallest[better] = x_adv[better], length[better]
            alpha = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / self.steps))
            delta = delta + alpha * steepest_ascent_direction(grad, "l2")
            radius = radius * torch.where(wrong, 1 - self.gamma, 1 + self.gamma)
            scale = radius / delta.flatten(1).norm(dim=1).clamp_min(1e-12)
            delta = (x + delta * scale[:, None, None, None]).clamp(0.0, 1.0) - x
        return round_towards(best, clean)
