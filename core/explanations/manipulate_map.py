"""A change within epsilon that keeps a network's answer and moves its heat map to a place of the user's choice."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import ConfigError, InputError
from core.explanations.perturbed import PerturbedImage, common_fields
from core.explanations.prediction import check_image, probabilities
from core.explanations.smoothed_network import (
    JUDGED_POINTS,
    POINTS,
    SMOOTHED_METHODS,
    SmoothedMethod,
    check_gradient,
    check_method,
    correlation,
    heat_map_of,
    smooth_copy,
    smooth_map,
)
from core.models.zoo import ZooModel
from core.norms import project, random_in_ball, steepest_ascent_direction
from core.progress import OnProgress, ShouldStop, never, silent

__all__ = [
    "SMOOTHED_METHODS",
    "STEPS",
    "TOLERANCE",
    "ManipulationResult",
    "least_quadrants",
    "manipulate_map",
    "manipulate_maps",
]

TOLERANCE = 0.05
"""The probability of the answer may change by so much."""
SHY = 0.9
"""The search keeps to this share of the tolerance: another batch size changes the last digits of a probability."""
BETA: Mapping[SmoothedMethod, float] = {"gradient": 10.0, "integrated-gradients": 10.0, "grad-cam": 30.0}
"""Of the softplus that stands for ReLU in the search; Grad-CAM needs no second derivative and may lie nearer to it."""
STEPS: Mapping[SmoothedMethod, int] = {"gradient": 20, "integrated-gradients": 8, "grad-cam": 20}
"""Steps of the search; one of integrated gradients costs some eight times as much as one of the gradient."""
JUDGED_EVERY = 2
"""The real network is asked after every so many steps, and after the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManipulationResult(PerturbedImage):
    """One image before and after its heat map was moved.

    Attributes:
        method: one of `METHODS`.
        region: where the map shall lie, bool (H, W).
        heatmap: the map (H, W) of the class predicted for `x`, on `x`, on the real network: at least 0, adding up to 1
            (0 everywhere where there is none).
        heatmap_adv: the map of the same class on `x_adv`.
        target_map: the map (H, W) asked for: even inside the region, 0 outside, adding up to 1.
        correlation_target: Pearson's correlation of `heatmap_adv` with `target_map`; 0 where a map is constant.
        correlation_original: the same with `heatmap`.
    """

    method: SmoothedMethod
    region: NDArray[np.bool_]
    heatmap: NDArray[np.float32]
    heatmap_adv: NDArray[np.float32]
    target_map: NDArray[np.float32]
    correlation_target: float
    correlation_original: float

    @property
    def probability_change(self) -> float:
        """What the probability of that class gained (or lost, below 0)."""
        return float(self.probs_adv[self.before] - self.probs[self.before])

    @property
    def mass(self) -> float:
        """The share of the map that lay in the region."""
        return float(self.heatmap[self.region].sum())

    @property
    def mass_adv(self) -> float:
        """The share of the map that lies in the region now."""
        return float(self.heatmap_adv[self.region].sum())

    @property
    def correlation_before(self) -> float:
        """Pearson's correlation of `heatmap` with `target_map`: what was alike already; 0 where a map is constant."""
        first, second = (torch.from_numpy(one)[None] for one in (self.heatmap, self.target_map))
        return float(correlation(first, second))

    @property
    def kept(self) -> bool:
        """Whether the answer is the same, its probability within `TOLERANCE` of what it was."""
        return int(self.probs_adv.argmax()) == self.before and abs(self.probability_change) <= TOLERANCE

    @property
    def succeeded(self) -> bool:
        """Whether the answer is kept while the map is more like the one asked for than like what it was."""
        return self.kept and self.correlation_target > self.correlation_original


def manipulate_map(
    model: ZooModel,
    x: Tensor,
    method: SmoothedMethod,
    region: NDArray[np.bool_],
    epsilon: float,
    seed: int = 0,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> ManipulationResult:
    """Move the heat map of the class that `model` predicts for the image `x` (1, C, H, W); see `move_maps`.

    Args:
        model: whose map is moved.
        x: the image, float32 in [0, 1].
        method: one of `METHODS`.
        region: where the map shall lie, bool (H, W).
        epsilon: the most that an entry may change, in [0, 1] pixel units.
        seed: of the random start.
        on_progress: called with steps done and of how many.
        should_stop: asked before each step; True ends the search with the best found so far.

    Raises:
        InputError: `x` is not one image of the model's task, the region is not a part of it, the logits are not finite,
            or the network has no gradient.
        ConfigError: epsilon < 0, or no such method.
    """
    check_image(model, x)
    regions = torch.from_numpy(np.asarray(region))[None].to(x.device)
    return manipulate_maps(model, x, method, regions, epsilon, seed, on_progress, should_stop)[0]


def manipulate_maps(
    model: ZooModel,
    x: Tensor,
    method: SmoothedMethod,
    regions: Tensor,
    epsilon: float,
    seed: int = 0,
    on_progress: OnProgress = silent,
    should_stop: ShouldStop = never,
) -> list[ManipulationResult]:
    """Move the heat maps of several images (B, C, H, W) at once, each to its region, bool (B, H, W).

    After Ghorbani et al. 2019 (arXiv:1710.10547) and Dombrowski et al. 2019 (arXiv:1906.07983, Sec. 3): signed steps of
    falling length raise the correlation of the map with the target map, on a copy of the network with softplus for
    ReLU. (Dombrowski et al. lower the squared distance of the maps; a correlation is that of maps brought to one mean
    and length.) Where they add the change of the answer to the loss, each step here goes across the gradient of
    log p on the real network, and against it by as much as p has left what it was, in units of `TOLERANCE`; p is the
    probability of the class predicted for the image as it came, which also is the class explained throughout. That
    needs no weight: added terms fought each other on images with p far from 1. For each image the best step is kept: of
    those that leave the answer of the real network as it is, the one whose real map is most like the target map and
    least like the original one. Where there is none the image comes back unchanged. Other arguments and errors as for
    `move_map`.
    """
    check_method(method)
    if not 0 <= epsilon < float("inf"):
        raise ConfigError(f"epsilon must be at least 0; got {epsilon}")
    _check_regions(x, regions)
    with torch.no_grad():
        probs = probabilities(model, model.fast(x))
    check_gradient(model.fast, x)
    target = probs.argmax(1)
    heatmaps = heat_map_of(model.fast, x, target, method)
    wanted = regions / regions.sum((1, 2), keepdim=True).to(x.dtype)
    if epsilon > 0:
        search = _Search(model, x, method, wanted, epsilon, target)
        x_adv = search(torch.Generator().manual_seed(seed), on_progress, should_stop)
    else:
        x_adv = x.clone()
    with torch.no_grad():
        probs_adv = probabilities(model, model.fast(x_adv))
    heatmaps_adv = heat_map_of(model.fast, x_adv, target, method)
    with_target, with_original = correlation(heatmaps_adv, wanted), correlation(heatmaps_adv, heatmaps)
    settings = {"epsilon": epsilon, "steps": STEPS[method], "beta": BETA[method], "seed": seed}
    if method == "integrated-gradients":
        settings |= {"points": POINTS, "judged_points": JUDGED_POINTS}
    return [
        ManipulationResult(
            **common_fields(model, settings, x[index], x_adv[index], probs[index], probs_adv[index]),
            method=method,
            region=regions[index].cpu().numpy(),
            heatmap=heatmaps[index].contiguous().cpu().numpy(),
            heatmap_adv=heatmaps_adv[index].contiguous().cpu().numpy(),
            target_map=wanted[index].cpu().numpy(),
            correlation_target=float(with_target[index]),
            correlation_original=float(with_original[index]),
        )
        for index in range(len(x))
    ]


def least_quadrants(heatmaps: Tensor) -> Tensor:
    """For each heat map (B, H, W) the quadrant that holds least of it, bool (B, H, W); of equals the first.

    In a map of odd height or width the middle row or column belongs to the lower or right half.
    """
    _, height, width = heatmaps.shape
    rows, columns = (torch.arange(side, device=heatmaps.device) >= side // 2 for side in (height, width))
    quadrants = torch.stack(
        [(rows == low)[:, None] & (columns == right)[None] for low in (False, True) for right in (False, True)]
    )
    return quadrants[(heatmaps[:, None] * quadrants).sum((2, 3)).argmin(1)]


class _Search:
    """The search for changed images (B, C, H, W), with what it needs of each image kept in tensors."""

    def __init__(
        self, model: ZooModel, x: Tensor, method: SmoothedMethod, wanted: Tensor, epsilon: float, target: Tensor
    ) -> None:
        self.model, self.real = model, model.fast
        self.smooth = smooth_copy(model.fast, BETA[method])
        self.x, self.method, self.wanted, self.epsilon, self.target = x.detach(), method, wanted, epsilon, target
        self.p0 = self._probability(x)
        self.original = heat_map_of(self.real, x, target, method, POINTS)
        self.best, self.best_score = self.x.clone(), torch.full((len(x),), -torch.inf, device=x.device)

    def __call__(self, generator: torch.Generator, on_progress: OnProgress, should_stop: ShouldStop) -> Tensor:
        """The best image found for each."""
        steps = STEPS[self.method]
        path = 2.5 * self.epsilon
        x_adv = (self.x + random_in_ball(self.x, self.epsilon / 4, "linf", generator)).clamp(0.0, 1.0)
        for step in range(steps):
            if should_stop():
                break
            length = path * (steps - step) / (steps * (steps + 1) / 2)
            delta = x_adv - length * self._uphill(x_adv).sign() - self.x
            x_adv = (self.x + project(delta, self.epsilon, "linf")).clamp(0.0, 1.0)
            if (step + 1) % JUDGED_EVERY == 0 or step + 1 == steps:
                self._judge(x_adv)
            on_progress(step + 1, steps)
        return self.best

    def _uphill(self, x_adv: Tensor) -> Tensor:
        """Where not to go: down the map's likeness, and further from the probability that is to be kept."""
        x_adv = x_adv.detach().requires_grad_()
        log_p = self.real(x_adv).log_softmax(1).gather(1, self.target[:, None])[:, 0]
        (answer,) = torch.autograd.grad(log_p.sum(), x_adv)
        likeness = correlation(smooth_map(self.smooth, x_adv, self.target, self.method), self.wanted)
        (likelier,) = torch.autograd.grad(likeness.sum(), x_adv)
        answer, likelier = (
            steepest_ascent_direction(answer, "l2"),
            likelier.nan_to_num(0.0),
        )  # a dead map stops only its own image
        across = likelier - (likelier * answer).sum((1, 2, 3), keepdim=True) * answer
        excess = ((log_p.detach().exp() - self.p0) / TOLERANCE).clamp(-1.0, 1.0)
        ascent: Tensor = excess[:, None, None, None] * answer - steepest_ascent_direction(across, "l2")
        return ascent

    def _judge(self, x_adv: Tensor) -> None:
        """Keep the images that do what is asked on the real network, better than what is kept already."""
        with torch.no_grad():
            probs = probabilities(self.model, self.real(x_adv))
        change = probs.gather(1, self.target[:, None])[:, 0] - self.p0
        kept = (probs.argmax(1) == self.target) & (change.abs() <= SHY * TOLERANCE)
        heatmaps = heat_map_of(self.real, x_adv, self.target, self.method, POINTS)
        score = correlation(heatmaps, self.wanted) - correlation(heatmaps, self.original)
        better = kept & (score > self.best_score)
        self.best[better] = x_adv[better]
        self.best_score[better] = score[better]

    def _probability(self, x: Tensor) -> Tensor:
        """What the real network gives the class that is explained, (B,)."""
        with torch.no_grad():
            probability: Tensor = self.real(x).softmax(1).gather(1, self.target[:, None])[:, 0]
            return probability


def _check_regions(x: Tensor, regions: Tensor) -> None:
    """Refuse regions that are no masks of the images, or that ask for everything or nothing."""
    if regions.dtype != torch.bool or regions.shape != (len(x), *x.shape[2:]):
        raise InputError(f"a region must be bool, of shape {tuple(x.shape[2:])}; got {regions.dtype}")
    shares = regions.flatten(1).sum(1)
    if bool(((shares == 0) | (shares == x.shape[2:].numel())).any()):
        raise InputError("a region must hold at least one pixel of the image and not all of them")
