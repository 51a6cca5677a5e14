"""Training on logits of one length, so that being surer of a picture is no way to a smaller loss."""

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn.functional import cross_entropy

from core.errors import ConfigError
from core.models.resnet import PreActResNet
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.settings import words

LEAST_LENGTH = 1e-7
"""Added to the length of the logits, as in the authors' code."""


@dataclass(frozen=True, slots=True)
class LogitNorm(Recipe):
    """Cross-entropy of `softmax(z / (tau |z|))` against the labels (Wei et al. 2022, arXiv:2205.09310, Sec. 3).

    |z| is the L2 norm of a picture's logits. Only the loss sees them normalised: the network answers with `z`, whose
    length then says less of how sure it was made to be, and more of how familiar the picture is.

    Attributes:
        temperature: tau, above 0; 0.04 in the paper for CIFAR-10.

    Raises:
        ConfigError: a temperature that is not above 0.
    """

    temperature: float = field(
        default=0.04, metadata=words("Temperature τ", "The scores, all of length one, are divided by it.")
    )

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ConfigError(f"temperature must be above 0; got {self.temperature}")

    def describe(self) -> str:
        """The recipe in one line."""
        return f"LogitNorm: min E[ CE(f(x) / (tau |f(x)|), y) ], tau = {self.temperature:g}"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the normalised logits."""
        logits = model(batch.x).float()
        length = logits.norm(dim=1, keepdim=True) + LEAST_LENGTH
        return cross_entropy(logits / (self.temperature * length), batch.labels)


LOGIT_NORM_RECIPE = RecipeEntry(
    "logitnorm",
    "LogitNorm",
    "LogitNorm",
    "Learns from scores of one length, so that it is not paid for being ever surer.",
    "Wei et al. 2022, arXiv:2205.09310",
    lambda task: LogitNorm(),
    colour="#B08008",
)
