"""Adversarial training: cross-entropy on attacked images."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from core.attacks.pgd import Pgd
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.training.recipes import Batch, Recipe


@dataclass(frozen=True, slots=True)
class AdversarialTraining(Recipe):
    """Cross-entropy on the images that an attack makes of the batch (Madry et al. 2018, arXiv:1706.06083, eq. 2.1).

    The attack runs on the fast form of the current weights, so with BatchNorm's running statistics; the loss is then taken in
    training mode. One step with a random start is the single-step form of Wong, Rice, Kolter 2020 (arXiv:2001.03994).
    """

    attack: Pgd

    def describe(self) -> str:
        """The recipe in one line."""
        a = self.attack
        radius = f"{a.epsilon * 255:g}/255" if a.norm == "linf" else f"{a.epsilon:g}"
        return (
            f"adversarial training: min E[ max CE(f(x + delta), y) ], |delta| <= {radius} in {a.norm}, "
            f"{a.steps}-step PGD of step {a.step:.4g}{', random start' if a.random_start else ''}"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the attacked batch."""
        x_adv = self.attack(fast_form(model), batch.x, batch.labels, batch.generator)
        return cross_entropy(model(x_adv).float(), batch.labels)
