"""TRADES: cross-entropy on clean images plus the divergence that an attack finds around them."""

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from core.attacks.kl_ascent import KlAscent
from core.models.fast import fast_form
from core.models.resnet import PreActResNet
from core.norms import radius_words
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.double_backprop import check_weight
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.settings import words

BETA_WORDS = words("Weight β", "How much keeping the same answer nearby counts beside being right.")


@dataclass(frozen=True, slots=True)
class Trades(Recipe):
    """`CE(f(x), y) + beta KL(f(x) || f(x'))`, x' found by ascent on the divergence.

    Zhang et al. 2019, arXiv:1901.08573, eq. 5. The attack runs on the fast form; both terms are then taken in train
    mode, and both carry gradients.

    Attributes:
        attack: finds x'.
        beta: weight of the divergence (the authors' 1/lambda; 6 on CIFAR-10).

    Raises:
        ConfigError: a negative beta.
    """

    attack: KlAscent
    beta: float = field(default=6.0, metadata=BETA_WORDS)

    def __post_init__(self) -> None:
        check_weight(self.beta, "beta")

    def describe(self) -> str:
        """The recipe in one line."""
        a = self.attack
        radius = radius_words(a.norm, a.epsilon)
        return (
            f"TRADES: min E[ CE(f(x), y) + {self.beta:g} max KL(f(x) || f(x')) ], |x' - x| <= {radius} in {a.norm}, "
            f"{a.steps} steps of {a.step:.4g}"
        )

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy plus the weighted mean divergence."""
        x_adv = self.attack(fast_form(model), batch.x, batch.generator)
        return trades_loss(model, batch.x, x_adv, batch.labels, self.beta)


def trades_loss(model: PreActResNet, x: Tensor, x_adv: Tensor, labels: Tensor, beta: float) -> Tensor:
    """`CE(f(x), y) + beta KL(f(x) || f(x_adv))`, averaged over the batch, in nats; images (B, C, H, W)."""
    clean = model(x).float()
    moved = model(x_adv).float().log_softmax(1)
    divergence = kl_div(moved, clean.log_softmax(1), reduction="batchmean", log_target=True)
    return cross_entropy(clean, labels) + beta * divergence


TRADES_RECIPE = RecipeEntry(
    "trades",
    "TRADES",
    "TRADES",
    "Learns the label from the clean picture, and the same answer from the worst picture near it.",
    "Zhang et al. 2019, arXiv:1901.08573",
    lambda task: Trades(KlAscent(task.radii["linf"], steps=5)),
    colour="#108810",
)
