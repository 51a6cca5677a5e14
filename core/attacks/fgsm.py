"""The fast gradient sign method: one step on the loss."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.attacks.attack import Attack
from core.errors import ConfigError
from core.models.asking import CheckedNetwork, differentiating
from core.norms import precise, round_towards


@dataclass(frozen=True, slots=True)
class Fgsm:
    """One signed step up the cross-entropy of a label, or down it (Goodfellow et al. 2015, arXiv:1412.6572, Sec. 4).

    Where the gradient is zero its sign is zero, and the image stays as it is: on saturated networks that looks like
    robustness.

    Attributes:
        epsilon: length of the step for every entry, in [0, 1] pixel units.
        targeted: step down the loss, towards the label (TGSM), instead of up.

    Raises:
        ConfigError: epsilon < 0.
    """

    epsilon: float
    targeted: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < float("inf"):
            raise ConfigError(f"epsilon must be at least 0; got {self.epsilon}")

    @differentiating
    def __call__(self, model: nn.Module, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The changed images, within [0, 1] and within epsilon of `x` in every entry.

        Args:
            model: images (B, C, H, W) to logits (B, K), in eval mode.
            x: clean images (B, C, H, W), float in [0, 1]; left unchanged.
            labels: class indices (B,), int64; None takes the model's own predictions, so that no label can leak into
                the step.

        Raises:
            ConfigError: a label of no class.
            InputError: pixels, or answers, that are no numbers.
        """
        clean, model = x.detach(), CheckedNetwork(model, x, labels)
        x = precise(clean)
        start = x.clone().requires_grad_()
        logits = model(start)
        labels = logits.argmax(1) if labels is None else labels
        (grad,) = torch.autograd.grad(cross_entropy(precise(logits), labels, reduction="sum"), start)
        step = -self.epsilon if self.targeted else self.epsilon
        return round_towards((x + step * grad.sign()).clamp(0.0, 1.0), clean)


FGSM_ATTACK = Attack(
    "fgsm",
    "FGSM, one step",
    "Goodfellow et al. 2015, arXiv:1412.6572, Sec. 4",
    lambda ask: Fgsm(ask.epsilon)(ask.model, ask.x, ask.labels),
)

TGSM_ATTACK = Attack(
    "tgsm",
    "TGSM, one step to a class",
    "Ross, Doshi-Velez 2018, arXiv:1711.09404",
    lambda ask: Fgsm(ask.epsilon, targeted=True)(ask.model, ask.x, ask.labels),
    aims=True,
)
