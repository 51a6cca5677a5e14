"""A recipe of a stranger, as its file would hold it: to join the catalogue of recipes in a test, and nothing else."""

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn.functional import cross_entropy

from core.models.resnet import PreActResNet
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.settings import words


@dataclass(frozen=True, slots=True)
class Brightened(Recipe):
    """Cross-entropy on brighter images."""

    more: float = field(default=0.1, metadata=words("Brightness", "How much is added to every value in [0, 1]."))

    def describe(self) -> str:
        """The recipe in one line."""
        return f"brightened: min E[ CE(f(x + {self.more:g}), y) ]"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the brighter batch."""
        return cross_entropy(model((batch.x + self.more).clamp(0.0, 1.0)).float(), batch.labels)


BRIGHTENED_RECIPE = RecipeEntry(
    "brightened",
    "Brightened",
    "Brighter pictures",
    "Learns from pictures in a better light.",
    "nobody 2026",
    lambda task: Brightened(),
    colour="#123456",
)
