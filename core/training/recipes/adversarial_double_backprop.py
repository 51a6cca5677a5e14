"""Double backpropagation and adversarial training together."""

from dataclasses import dataclass

from torch import Tensor

from core.attacks.fgsm import Fgsm
from core.models.resnet import PreActResNet
from core.training.recipes.adversarial import SingleStepTraining
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.double_backprop import WEIGHT, DoubleBackprop
from core.training.recipes.entry import RecipeEntry


@dataclass(frozen=True, slots=True)
class AdversarialDoubleBackprop(Recipe):
    """The mean of the double-backpropagation loss on clean images and of the cross-entropy on attacked ones.

    Ross, Doshi-Velez 2018, arXiv:1711.09404 (their training script): the penalty is on clean images only.
    """

    penalty: DoubleBackprop
    adversarial: SingleStepTraining

    def describe(self) -> str:
        """The recipe in one line."""
        return (
            "double backpropagation with single-step adversarial training: "
            f"min E[ (CE(f(x), y) + {self.penalty.weight:g} |grad_x CE(f(x), y)|^2 + CE(f(x'), y)) / 2 ], "
            f"x' = clip(x + {self.adversarial.attack.epsilon:.4g} sign grad_x CE(f(x), argmax f(x)))"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Half the penalised loss of the batch plus half the cross-entropy of the attacked batch."""
        return (self.penalty.loss(model, batch) + self.adversarial.attacked(model, batch)) / 2


ADVERSARIAL_DOUBLE_BACKPROP_RECIPE = RecipeEntry(
    "adversarial-double-backprop",
    "Double backprop + attacks",
    "Double backpropagation and adversarial",
    "Learns half by double backpropagation on clean pictures, half from pictures moved one step.",
    "Ross, Doshi-Velez 2018, arXiv:1711.09404",
    lambda task: AdversarialDoubleBackprop(DoubleBackprop(WEIGHT), SingleStepTraining(Fgsm(task.radii["linf"]))),
    colour="#E81010",
)
