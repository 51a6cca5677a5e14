"""Adversarial training: cross-entropy on attacked images, alone or averaged with that on clean ones."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from core.attacks.fgsm import Fgsm
from core.attacks.pgd import Pgd
from core.data.tasks import Task
from core.errors import ConfigError
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.norms import radius_words
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry, Variant


@dataclass(frozen=True, slots=True)
class AdversarialTraining(Recipe):
    """Cross-entropy on the images that an attack makes of the batch (Madry et al. 2018, arXiv:1706.06083, eq. 2.1).

    The attack runs on the fast form of the current weights, so with BatchNorm's running statistics; the loss is then
    taken in training mode. One step with a random start is the single-step form of Wong, Rice, Kolter 2020
    (arXiv:2001.03994).
    """

    attack: Pgd

    def describe(self) -> str:
        """The recipe in one line."""
        a = self.attack
        ball = f"|delta| <= {radius_words(a.norm, a.epsilon)} in {a.norm}"
        steps = f"{a.steps}-step PGD of step {a.step:.4g}{', random start' if a.random_start else ''}"
        return f"adversarial training: min E[ max CE(f(x + delta), y) ], {ball}, {steps}"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the attacked batch."""
        x_adv = self.attack(fast_form(model), batch.x, batch.labels, batch.generator)
        return cross_entropy(model(x_adv).float(), batch.labels)


@dataclass(frozen=True, slots=True)
class SingleStepTraining(Recipe):
    """The mean of the clean loss and of that on single-step attacks.

    As coded by Ross and Doshi-Velez (2018, arXiv:1711.09404): the step goes up the loss of the network's own
    prediction, not of the label, and no gradient flows through it. As in `AdversarialTraining`, it is taken on the fast
    form (the authors attack in the mode that they train in).

    Attributes:
        attack: the single step; the authors use epsilon = 0.3 on digits. Its `targeted` must be off.

    Raises:
        ConfigError: a targeted attack, which would lower the loss.
    """

    attack: Fgsm

    def __post_init__(self) -> None:
        if self.attack.targeted:
            raise ConfigError("adversarial training needs an attack that raises the loss; got a targeted one")

    def describe(self) -> str:
        """The recipe in one line."""
        return (
            "single-step adversarial training: min E[ (CE(f(x), y) + CE(f(x'), y)) / 2 ], "
            f"x' = clip(x + {self.attack.epsilon:.4g} sign grad_x CE(f(x), argmax f(x)))"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Half the cross-entropy of the batch plus half that of the attacked batch."""
        clean = cross_entropy(model(batch.x).float(), batch.labels)
        return (clean + self.attacked(model, batch)) / 2

    def attacked(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the attacked batch."""
        x_adv = self.attack(fast_form(model), batch.x)
        return cross_entropy(model(x_adv).float(), batch.labels)


def pgd_of_task(task: Task, steps: int) -> Pgd:
    """PGD at the task's L-infinity radius; steps add up to 1.25 epsilon as in the authors' five steps of 2/255."""
    return Pgd(task.radii["linf"], "linf", steps, 1.25 * task.radii["linf"] / steps)


ADVERSARIAL_LINF_RECIPE = RecipeEntry(
    "pgd-linf",
    "Robust, L∞",
    "Adversarial, L-infinity",
    "Learns from pictures in which every pixel has moved a little against the network.",
    "Madry et al. 2018, arXiv:1706.06083",
    lambda task: AdversarialTraining(pgd_of_task(task, 2)),
    colour="#128A86",
)

ADVERSARIAL_L2_RECIPE = RecipeEntry(
    "pgd-l2",
    "Robust, L2",
    "Adversarial, L2",
    "Learns from pictures moved a short way against the network, a few pixels more than others.",
    "Madry et al. 2018, arXiv:1706.06083",
    lambda task: AdversarialTraining(Pgd(task.radii["l2"], "l2", 2, 0.625 * task.radii["l2"])),
    colour="#9848F0",
    variants=(Variant("pgd-l2-large", "Robust, large L2", "#D05858"),),  # at a larger radius
)

SINGLE_STEP_RECIPE = RecipeEntry(
    "adversarial",
    "Single-step attacks",
    "Adversarial, single step",
    "Learns half from clean pictures and half from pictures moved one step away from the network's own answer.",
    "Ross, Doshi-Velez 2018, arXiv:1711.09404",
    lambda task: SingleStepTraining(Fgsm(task.radii["linf"])),
    colour="#E010C8",
)
