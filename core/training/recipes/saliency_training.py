"""Saliency-based training: perturbations built from maps, annealed from sign noise, alone or beside an attack."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from core.attacks.kl_ascent import KlAscent
from core.attacks.pgd import Pgd
from core.data.tasks import Task
from core.draws import uniform
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.training.recipes.adversarial import pgd_of_task
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.double_backprop import check_weight
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.saliency_maps import MapName
from core.training.recipes.saliency_perturbation import SaliencyPerturbation, pace
from core.training.recipes.trades import BETA_WORDS, trades_loss


class _FromSaliency(Recipe):
    """What the recipes below share: their perturbation says what they need."""

    __slots__ = ()
    perturbation: SaliencyPerturbation

    @property
    def teacher_key(self) -> str | None:
        """The network whose maps are used, if any."""
        return self.perturbation.teacher

    @property
    def needs_maps(self) -> bool:
        """Whether the images must come with boxes or masks."""
        return self.perturbation.maps == "given"


@dataclass(frozen=True, slots=True)
class SaliencyTraining(_FromSaliency):
    """Cross-entropy on perturbed images only; with `maps="none"` it is the noise-only control."""

    perturbation: SaliencyPerturbation

    def describe(self) -> str:
        """The recipe in one line."""
        return f"saliency-based training: min E[ CE(f(x'), y) ], {self.perturbation.describe()}"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the perturbed batch."""
        return cross_entropy(model(self.perturbation(batch)).float(), batch.labels)


@dataclass(frozen=True, slots=True)
class SaliencyPgd(_FromSaliency):
    """Cross-entropy on PGD examples or, by a fair coin a batch, on saliency perturbations with a random start.

    The random start is kept before the map is subtracted, as in the authors' code, so that this side of the coin may
    leave the ball of radius epsilon by a factor of two.
    """

    perturbation: SaliencyPerturbation
    attack: Pgd

    def describe(self) -> str:
        """The recipe in one line."""
        a = self.attack
        return (
            f"saliency-based training with PGD, a fair coin a batch: min E[ CE(f(x'), y) ], {a.steps}-step PGD of "
            f"epsilon {a.epsilon:.4g} in {a.norm}, or, from a random start, {self.perturbation.describe()}"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the batch as the coin says."""
        if coin_flip(batch.generator):
            epsilon = self.perturbation.epsilon
            u = uniform(batch.x.shape, batch.generator, batch.x)
            moved = batch.x + epsilon * (2 * u - 1) - epsilon * self.perturbation.mixture(batch).mixed
            x_adv = moved.clamp(0.0, 1.0)
        else:
            x_adv = self.attack(fast_form(model), batch.x, batch.labels, batch.generator)
        return cross_entropy(model(x_adv).float(), batch.labels)


@dataclass(frozen=True, slots=True)
class SaliencyTrades(_FromSaliency):
    """`CE(f(x), y) + beta KL(f(x) || f(x'))`, x' a saliency perturbation or, by a fair coin a batch, found by ascent.

    Raises:
        ConfigError: a negative beta.
    """

    perturbation: SaliencyPerturbation
    attack: KlAscent
    beta: float = field(default=1.0, metadata=BETA_WORDS)

    def __post_init__(self) -> None:
        check_weight(self.beta, "beta")

    def describe(self) -> str:
        """The recipe in one line."""
        return (
            f"saliency-based training with TRADES, a fair coin a batch: min E[ CE(f(x), y) + {self.beta:g} "
            f"KL(f(x) || f(x')) ], x' by {self.attack.steps}-step ascent within {self.attack.epsilon:.4g} in "
            f"{self.attack.norm}, or {self.perturbation.describe()}"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy plus the weighted mean divergence, as the coin says."""
        if coin_flip(batch.generator):
            x_adv = self.perturbation(batch)
        else:
            x_adv = self.attack(fast_form(model), batch.x, batch.generator)
        return trades_loss(model, batch.x, x_adv, batch.labels, self.beta)


def paced(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe with its annealing, if it has one, fitted to a training of so many epochs."""
    if not isinstance(recipe, SaliencyTraining | SaliencyPgd | SaliencyTrades):
        return recipe
    return replace(recipe, perturbation=replace(recipe.perturbation, alpha=pace(epochs)))


def coin_flip(generator: torch.Generator) -> bool:
    """One toss of a fair coin."""
    return bool(torch.rand((), generator=generator, device=generator.device) < 0.5)


_SOURCE = "Mangla et al. 2020, arXiv:2006.07828"


def _perturbation(task: Task, maps: MapName, teacher: str | None = None) -> SaliencyPerturbation:
    """The perturbation of a task, at the radius that its robustness is reported at."""
    return SaliencyPerturbation(maps, teacher, task.radii["linf"])


def _along(teacher: str) -> Callable[[Task], SaliencyTraining]:
    return lambda task: SaliencyTraining(_perturbation(task, "gradient-sign", teacher))


def _given(task: Task) -> SaliencyTraining:
    return SaliencyTraining(_perturbation(task, "given"))


def _given_and_pgd(task: Task) -> SaliencyPgd:
    return SaliencyPgd(_perturbation(task, "given"), pgd_of_task(task, 5))


SALIENCY_OF_STANDARD_RECIPE = RecipeEntry(
    "sat-strong-standard",
    "Saliency of standard",
    "Saliency of the standard network",
    "Learns from pictures perturbed along where the standard network looks.",
    _SOURCE,
    _along("standard"),
    colour="#887010",
)

SALIENCY_OF_ROBUST_RECIPE = RecipeEntry(
    "sat-strong-robust",
    "Saliency of robust",
    "Saliency of a robust network",
    "Learns from pictures perturbed along where an adversarially trained network looks.",
    _SOURCE,
    _along("pgd-linf"),
    colour="#0088FF",
)

SALIENCY_PGD_RECIPE = RecipeEntry(
    "sat-pgd",
    "Saliency + PGD",
    "Saliency and PGD",
    "Tosses a coin for each batch: a robust network's saliency, or an attack.",
    _SOURCE,
    lambda task: SaliencyPgd(_perturbation(task, "gradient-sign", "pgd-linf"), pgd_of_task(task, 5)),
    colour="#307048",
)

SALIENCY_TRADES_RECIPE = RecipeEntry(
    "sat-trades",
    "sat-trades",
    "Saliency and TRADES",
    "TRADES, its picture nearby made from a robust network's saliency or by ascent, as a coin says for each batch.",
    _SOURCE,
    lambda task: SaliencyTrades(
        _perturbation(task, "gradient-sign", "pgd-linf"), KlAscent(task.radii["linf"], steps=5)
    ),
)

BOXES_RECIPE = RecipeEntry(
    "sat-box",
    "Boxes",
    "Saliency from boxes",
    "Learns from pictures with the object's box darkened and the rest brightened.",
    _SOURCE,
    _given,
    annotation="box",
    colour="#0088FF",
)

BOXES_PGD_RECIPE = RecipeEntry(
    "sat-box-pgd",
    "Boxes + PGD",
    "Saliency from boxes, and PGD",
    "Tosses a coin for each batch: boxes, or an attack.",
    _SOURCE,
    _given_and_pgd,
    annotation="box",
    colour="#307048",
)

MASKS_RECIPE = RecipeEntry(
    "sat-mask",
    "Masks",
    "Saliency from masks",
    "Learns from pictures with the object darkened and the rest brightened.",
    _SOURCE,
    _given,
    annotation="mask",
    colour="#0088FF",
)

MASKS_PGD_RECIPE = RecipeEntry(
    "sat-mask-pgd",
    "Masks + PGD",
    "Saliency from masks, and PGD",
    "Tosses a coin for each batch: masks, or an attack.",
    _SOURCE,
    _given_and_pgd,
    annotation="mask",
    colour="#307048",
)

SIGN_NOISE_RECIPE = RecipeEntry(
    "noise-sign",
    "Sign noise",
    "Sign noise",
    "The control for saliency: every value goes up or down by the same amount, at random.",
    _SOURCE,
    lambda task: SaliencyTraining(_perturbation(task, "none")),
    colour="#E858B8",
)
