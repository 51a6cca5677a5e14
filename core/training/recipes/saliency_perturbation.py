"""Perturbations built from saliency maps, annealed from sign noise."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.draws import uniform
from core.errors import ConfigError
from core.norms import radius_words
from core.training.recipes.base import Batch
from core.training.recipes.saliency_maps import STRONG_MAPS, MapName
from core.training.recipes.settings import words

ALPHA = 0.6**0.1  # so that alpha^10 = 0.6
AUTHORS_EPOCHS = 100
"""How long the authors train; at `ALPHA` a shorter training sees little but noise."""


def pace(epochs: int) -> float:
    """The annealing base with which so many epochs pass through the mixing of the authors' hundred."""
    return float(ALPHA ** (AUTHORS_EPOCHS / epochs))


@dataclass(frozen=True, slots=True)
class Mixture:
    """How a perturbation came about, step by step; every tensor has the shape of the images (B, C, H, W).

    Attributes:
        saliency: the map s, in [-1, 1]; zero where there is none.
        noise: the sign noise eta, -1 or +1.
        chosen: the mask w: whether an entry takes the map instead of the noise.
        mixed: `m = (1 - w) eta + w s`.
    """

    saliency: Tensor
    noise: Tensor
    chosen: Tensor
    mixed: Tensor


@dataclass(frozen=True, slots=True)
class SaliencyPerturbation:
    """`x' = clip(x - epsilon m)`, m mixed from sign noise and a saliency map.

    Mangla et al. 2020, arXiv:2006.07828, as coded. In epoch i, counted from 0, each entry takes the map with
    probability `1 - alpha^i`, else noise. The map is subtracted: it points to where the score of the true class grows.
    Ours: where a plan computes in bfloat16, as those of the zoo do, so does the teacher's map, in which a few entries
    in a hundred of a gradient's sign are others than in float32.

    Attributes:
        maps: "none" (noise only, the control), "given" (boxes or masks that come with the images), or a map of the
            teacher.
        teacher: zoo key of the network that a strong map explains; None for "none" and "given".
        epsilon: in [0, 1] pixel units.
        alpha: annealing base, in [0, 1]: 1 stays with noise, 0 takes maps alone from the second epoch on.
        of_label: explain the image's label instead of the teacher's prediction. (Ours; the authors take the
            prediction.)

    Raises:
        ConfigError: an unknown map, a value out of range, or a teacher where none is needed or the other way round.
    """

    maps: MapName = field(
        metadata=words("Map", "Which saliency map of the teacher the pictures are perturbed along.", tuple(STRONG_MAPS))
    )
    teacher: str | None = None
    epsilon: float = field(
        default=8 / 255, metadata=words("Radius of the perturbation", "How far a map moves a value in [0, 1].")
    )
    alpha: float = field(
        default=ALPHA,
        metadata=words(
            "Annealing base α",
            "How long noise stands in for the map: in epoch i, a share α^i of all values is still noise.",
        ),
    )
    of_label: bool = False

    def __post_init__(self) -> None:
        if self.maps not in ("none", "given", *STRONG_MAPS):
            raise ConfigError(f"maps must be one of none, given, {', '.join(STRONG_MAPS)}; got {self.maps!r}")
        if not 0 <= self.epsilon <= 1 or not 0 <= self.alpha <= 1:
            raise ConfigError(f"epsilon and alpha must lie in [0, 1]; got {self.epsilon} and {self.alpha}")
        if (self.maps in STRONG_MAPS) != (self.teacher is not None):
            raise ConfigError(f"maps {self.maps!r} {'need' if self.teacher is None else 'need no'} teacher")

    def describe(self) -> str:
        """The perturbation in one line."""
        source = {"none": "no map", "given": "boxes or masks"}.get(self.maps, f"{self.maps} of {self.teacher}")
        share = "0" if self.maps == "none" else f"1 - {self.alpha:.4g}^epoch"
        size = radius_words("linf", self.epsilon)
        return f"x' = clip(x - {size} m), m = (1 - w) sign noise + w s, w ~ Bernoulli({share}), s from {source}"

    def share(self, epoch: int) -> float:
        """The probability p_i that an entry takes the map in an epoch, counted from 0."""
        return 0.0 if self.maps == "none" else 1.0 - self.alpha**epoch

    def mixture(self, batch: Batch) -> Mixture:
        """The mixture for a batch; draws noise and mask from its generator."""
        x, generator = batch.x, batch.generator
        saliency = self._saliency(batch)
        noise = torch.where(uniform(x.shape, generator, x) < 0.5, -1.0, 1.0)
        chosen = uniform(x.shape, generator, x) < self.share(batch.epoch)
        return Mixture(saliency, noise, chosen, torch.where(chosen, saliency, noise))

    def __call__(self, batch: Batch) -> Tensor:
        """The perturbed images, within [0, 1] and within epsilon of `batch.x`."""
        return (batch.x - self.epsilon * self.mixture(batch).mixed).clamp(0.0, 1.0)

    def _saliency(self, batch: Batch) -> Tensor:
        """The map s (B, C, H, W) of a batch, in [-1, 1]."""
        if self.maps == "none":
            return torch.zeros_like(batch.x)
        if self.maps == "given":
            if batch.maps is None:
                raise ConfigError("the images come without boxes or masks")
            return batch.maps.expand_as(batch.x)
        if batch.teacher is None:
            raise ConfigError(f"maps {self.maps!r} need the network {self.teacher!r}")
        target = batch.labels if self.of_label else torch.full_like(batch.labels, -1)
        return STRONG_MAPS[self.maps](batch.teacher, batch.x, target, batch.generator)
