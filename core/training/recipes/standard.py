"""The plainest recipe: cross-entropy on the images as they are."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from core.models.resnet import PreActResNet
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry, Variant


@dataclass(frozen=True, slots=True)
class Standard(Recipe):
    """Cross-entropy on clean images."""

    def describe(self) -> str:
        """The recipe in one line."""
        return "cross-entropy on clean images: min E[ CE(f(x), y) ]"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the batch."""
        return cross_entropy(model(batch.x).float(), batch.labels)


STANDARD_RECIPE = RecipeEntry(
    "standard",
    "Standard",
    "Standard",
    "Learns from the pictures as they are.",
    "the common baseline",
    lambda task: Standard(),
    colour="#E0146C",
    variants=(Variant("oneepoch", "One epoch", "#6B8579"),),  # stopped early
)
