"""Adversarial training at all radii up to one, aimed at the area under the curve of accuracy against radius."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.attacks.pgd import Pgd
from core.draws import uniform
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.models.step_precision import Precision, stepping
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry, Variant


@dataclass(frozen=True, slots=True)
class RandomRadius(Recipe):
    """Cross-entropy on attacked images, each with a radius of its own, drawn evenly from 0 to the attack's.

    Our own recipe, made for the accuracy-robustness area (Woods, Chen, Teuscher 2019, arXiv:1906.02896): where S(e) is
    the accuracy under attacks of size e, the area up to R is R (E[S(e)] - 1 / K) for e drawn evenly from [0, R], and
    cross-entropy stands in for the error 1 - S. The attack runs as in `AdversarialTraining`, with steps in
    bfloat16 where the plan computes in it.

    Attributes:
        attack: the attack at the largest radius; at a share of it, its steps are as much shorter.
        start: zoo key of the network that training goes on from, whose activation may be another and which may have
            fewer channels; None starts from fresh weights.
    """

    attack: Pgd
    start: str | None = None

    @property
    def start_key(self) -> str | None:
        """The network that training goes on from."""
        return self.start

    def describe(self) -> str:
        """The recipe in one line."""
        a = self.attack
        start = ", random start" if a.random_start else ""
        onwards = "" if self.start is None else f"; goes on from {self.start}"
        return (
            "adversarial training at all radii: min E[ max CE(f(x + delta), y) ], |delta| <= r, "
            f"r uniform in [0, {a.epsilon:.4g}] in {a.norm}, "
            f"{a.steps}-step PGD of step {a.step:.4g} at the largest r, shorter in proportion{start}{onwards}"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the attacked batch."""
        shares = uniform((len(batch.x),), batch.generator, batch.x)
        precision: Precision = "bfloat16" if torch.is_autocast_enabled(batch.x.device.type) else "float32"
        x_adv = self.attack(stepping(fast_form(model), precision), batch.x, batch.labels, batch.generator, shares)
        return cross_entropy(model(x_adv).float(), batch.labels)


RANDOM_RADIUS_RECIPE = RecipeEntry(
    "pgd-l2-radii",
    "Robust, all radii",
    "Adversarial, L2, all radii",
    "Learns from pictures of which each was moved a way of its own length against the network, short or long.",
    "our own, for the area of Woods et al. 2019",
    lambda task: RandomRadius(Pgd(2 * task.radii["l2"], "l2", 2, 1.25 * task.radii["l2"])),
    activation="hhrelu",
    colour="#B810A0",
    variants=(Variant("pgd-l2-radii-wide", "Robust, all radii, wide", "#6C7A10"),),  # with more channels
)
