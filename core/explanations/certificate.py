"""Randomised smoothing: what a network answers to most noisy copies of an image, and how far that is sure to hold."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.draws import gaussian
from core.errors import ConfigError
from core.explanations.prediction import check_image, probabilities
from core.metrics.smoothing import certified_radius, share_at_least
from core.models.asking import at_once
from core.models.zoo import ZooModel
from core.progress import OnProgress

BATCH = 100


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How an image is certified (Cohen et al. 2019, arXiv:1902.02918, procedure Certify).

    Attributes:
        sigma: of the Gaussian noise, in [0, 1] pixel units.
        draws: noisy copies that the bound rests on, n.
        first_draws: other copies, that choose the class, n0.
        alpha: how often such a certificate may be wrong.
        seed: of the noise.

    Raises:
        ConfigError: sigma <= 0, fewer than one draw, or alpha outside (0, 1).
    """

    sigma: float
    draws: int = 10_000
    first_draws: int = 100
    alpha: float = 0.001
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.sigma < float("inf") or min(self.draws, self.first_draws) < 1 or not 0 < self.alpha < 1:
            raise ConfigError(f"need sigma > 0, at least one draw, and alpha in (0, 1); got {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """What the smoothed network answers to one image, and within which distance no change alters that.

    The smoothed network answers what the network answers most often under noise. Of the network itself the certificate
    says nothing.

    Attributes:
        model: the model's key.
        settings: everything that decides the votes, as plain values.
        x: the image (C, H, W), float32 in [0, 1].
        chosen: the class that the first draws chose.
        first_counts: their votes (K,), int64.
        counts: the votes that the bound rests on (K,), int64.
        share: lower bound of the chosen class's share of votes, in [0, 1).
        radius: certified L2 radius in [0, 1] pixel units; 0 where it abstains.
    """

    model: str
    settings: dict[str, object]
    x: NDArray[np.float32]
    chosen: int
    first_counts: NDArray[np.int64]
    counts: NDArray[np.int64]
    share: float
    radius: float

    @property
    def abstains(self) -> bool:
        """Whether no class is sure to have more than half of the votes, so that nothing is answered."""
        return self.share <= 0.5


def certify(
    model: ZooModel, x: Tensor, smoothing: Smoothing, on_progress: OnProgress = lambda done, of: None
) -> Certificate:
    """Certify the image `x` (1, C, H, W); noisy copies leave [0, 1], as the theorem has it.

    Args:
        model: the network that is asked.
        x: float32 in [0, 1].
        smoothing: how.
        on_progress: called after every batch with the draws done and of how many; what it raises ends the work.

    Raises:
        InputError: `x` is not one image of the model's task, or answers are not finite.
    """
    check_image(model, x)
    of = smoothing.first_draws + smoothing.draws
    generator = torch.Generator().manual_seed(smoothing.seed)
    first = _votes(model, x, smoothing.sigma, smoothing.first_draws, generator, lambda done: on_progress(done, of))
    chosen = int(first.argmax())
    counts = _votes(
        model, x, smoothing.sigma, smoothing.draws, generator,
        lambda done: on_progress(smoothing.first_draws + done, of),
    )  # fmt: skip
    share = share_at_least(int(counts[chosen]), smoothing.draws, smoothing.alpha)
    stated = {**asdict(smoothing), "sha256": model.card.sha256, "task": model.card.task}
    radius = certified_radius(share, smoothing.sigma)
    return Certificate(model.card.key, stated, x[0].cpu().numpy(), chosen, first, counts, share, radius)


def _votes(
    model: ZooModel, x: Tensor, sigma: float, draws: int, generator: torch.Generator, told: Callable[[int], None]
) -> NDArray[np.int64]:
    """How many noisy copies get each class (K,)."""
    counts = torch.zeros(model.task.classes, dtype=torch.int64, device=x.device)
    for start in range(0, draws, BATCH):
        size = min(BATCH, draws - start)
        noise = gaussian((size, *x.shape[1:]), generator, x)
        with torch.no_grad():
            for part in noise.split(at_once(x, BATCH)):
                answers = probabilities(model, model.fast(x + sigma * part)).argmax(1)
                counts += answers.bincount(minlength=model.task.classes)
        told(start + size)
    return counts.cpu().numpy()
