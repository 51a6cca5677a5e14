"""Training under Gaussian noise."""

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn.functional import cross_entropy

from core.draws import gaussian
from core.errors import ConfigError
from core.models.resnet import PreActResNet
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.entry import RecipeEntry
from core.training.recipes.settings import words


@dataclass(frozen=True, slots=True)
class GaussianNoise(Recipe):
    """Cross-entropy on images with normal noise added: the "robust" classifiers of the latent-metrics paper.

    The paper adds sigma = 0.8 to pixels in [-1, 1], which is 0.4 here, and does not clamp: pixels leave [0, 1].

    Attributes:
        sigma: deviation of the noise, in [0, 1] pixel units.
        clamp: keep the noisy images in [0, 1]. (Our addition.)

    Raises:
        ConfigError: a negative sigma.
    """

    sigma: float = field(default=0.4, metadata=words("Deviation σ", "How strong the noise is, on values in [0, 1]."))
    clamp: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.sigma < float("inf"):
            raise ConfigError(f"sigma must be at least 0; got {self.sigma}")

    def describe(self) -> str:
        """The recipe in one line."""
        noisy = "clip(x + n)" if self.clamp else "x + n"
        return f"Gaussian noise: min E[ CE(f({noisy}), y) ], n ~ N(0, {self.sigma:g}^2) for each entry"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        """Mean cross-entropy of the noisy batch."""
        x = batch.x + self.sigma * gaussian(batch.x.shape, batch.generator, batch.x)
        return cross_entropy(model(x.clamp(0.0, 1.0) if self.clamp else x).float(), batch.labels)


GAUSSIAN_NOISE_RECIPE = RecipeEntry(
    "noise",
    "Gaussian noise",
    "Gaussian noise",
    "Learns from pictures under strong noise.",
    "the robust classifiers of the latent-metrics paper",
    lambda task: GaussianNoise(),
    colour="#1088E8",
)
