"""How the perturbation of saliency-based training comes about for one picture, and how adversarial it is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

from core.attacks.pgd import Pgd
from core.devices import CPU
from core.errors import ConfigError
from core.training.recipes.base import Batch
from core.training.recipes.saliency_maps import STRONG_MAPS
from core.training.recipes.saliency_perturbation import Mixture, SaliencyPerturbation

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Construction:
    """One picture's perturbation, step by step; every array is (C, H, W), float32.

    Attributes:
        settings: of the perturbation, with `epoch` and `seed`.
        share: the probability p_i that an entry takes the map in that epoch.
        x: the picture, in [0, 1].
        saliency: the map s, in [-1, 1].
        noise: the sign noise eta, -1 or +1.
        chosen: the mask w, 1 where an entry takes the map, 0 where it takes the noise.
        mixed: `m = (1 - w) eta + w s`.
        x_new: `clip(x - epsilon m)`, in [0, 1].
    """

    settings: Mapping[str, object]
    share: float
    x: Image
    saliency: Image
    noise: Image
    chosen: Image
    mixed: Image
    x_new: Image


@dataclass(frozen=True, slots=True)
class Adversity:
    """How adversarial a construction is to one network: what it does to the loss, and where it points.

    Attributes:
        label: the class that the loss is of.
        losses: cross-entropy in nats at `clean` (x), `noise` (x + epsilon eta), `against` (x + epsilon s), `along`
            (x - epsilon s), `mixed` (x'), and `pgd`; all but `clean` at the same epsilon, clipped to [0, 1].
        cosine: between `-m` and the gradient of the loss at x, in [-1, 1]; 0 where either is zero.
        best: the largest such cosine that a pattern of signs can have: `|g|_1 / (sqrt(D) |g|_2)`, its own signs'.
        cosines: the same as `cosine` in every epoch from 0 on, with the same draws.
    """

    label: int
    losses: Mapping[str, float]
    cosine: float
    best: float
    cosines: NDArray[np.float32]


def strong_map(teacher: nn.Module, x: Tensor, name: str, seed: int = 0) -> Image:
    """The map s (C, H, W) of the teacher's answer to one image `x` (1, C, H, W), as training computes it in float32.

    Raises:
        ConfigError: not a map of a teacher.
    """
    for known, method in STRONG_MAPS.items():
        if known == name:
            predicted = torch.tensor([-1], device=x.device)
            return method(teacher, x, predicted, _seeded(seed))[0].detach().contiguous().cpu().numpy()
    raise ConfigError(f"map must be one of {', '.join(STRONG_MAPS)}; got {name!r}")


def construct(
    x: Tensor, saliency: Image | None, epsilon: float, alpha: float, epoch: int, seed: int = 0
) -> Construction:
    """The perturbation of one image `x` (1, C, H, W) in an epoch, counted from 0, by the code that training runs.

    Args:
        x: float32 in [0, 1].
        saliency: the map (C, H, W) or (1, H, W) in [-1, 1]; None is the control without one.
        epsilon: in [0, 1] pixel units.
        alpha: annealing base in [0, 1].
        epoch: 0 or more.
        seed: of noise and mask.

    Raises:
        ConfigError: a value out of range.
    """
    if epoch < 0:
        raise ConfigError(f"epoch must be at least 0; got {epoch}")
    perturbation = _perturbation(saliency, epsilon, alpha)
    mixture = _mixture(perturbation, x, saliency, epoch, seed)
    x_new = perturbation(_batch(x, saliency, epoch, seed))
    steps = (mixture.saliency, mixture.noise, mixture.chosen, mixture.mixed, x_new)
    return Construction(
        {**asdict(perturbation), "epoch": epoch, "seed": seed},
        perturbation.share(epoch),
        x[0].cpu().numpy(),
        *(step[0].float().contiguous().cpu().numpy() for step in steps),
    )


def worst_found(model: nn.Module, x: Tensor, label: int, attack: Pgd, seed: int = 0) -> Image:
    """The image (C, H, W) that the attack makes of `x` (1, C, H, W) against `label`."""
    return attack(model, x, torch.tensor([label], device=x.device), _seeded(seed))[0].contiguous().cpu().numpy()


def adversity(model: nn.Module, made: Construction, label: int, x_pgd: Image, epochs: int) -> Adversity:
    """What a construction does to `model`, beside noise, the map alone either way, and PGD.

    The cosine over epochs is that of Mangla et al. 2020 (arXiv:2006.07828), authors' code: how adversarial the training
    perturbation is while it anneals. They take the sign of the gradient; here it is the gradient itself.

    Args:
        model: the network whose loss is asked, in eval mode.
        made: what `construct` made.
        label: the class that the loss is of.
        x_pgd: what `worst_found` made at the same epsilon, (C, H, W).
        epochs: epochs 0 to `epochs` are on the curve.
    """
    where = next((parameter.device for parameter in model.parameters()), CPU)
    x, saliency, noise, x_new, found, mixed = (
        torch.tensor(image, device=where)[None]
        for image in (made.x, made.saliency, made.noise, made.x_new, x_pgd, made.mixed)
    )
    epsilon, alpha, seed = (made.settings[name] for name in ("epsilon", "alpha", "seed"))
    assert isinstance(epsilon, float) and isinstance(alpha, float) and isinstance(seed, int)
    moves = {"noise": noise, "against": saliency, "along": -saliency}
    images = {
        "clean": x,
        **{name: (x + epsilon * move).clamp(0.0, 1.0) for name, move in moves.items()},
        "mixed": x_new,
        "pgd": found,
    }
    target = torch.tensor([label], device=where)
    with torch.no_grad():
        logits = model(torch.cat(list(images.values())))
        losses = cross_entropy(logits, target.expand(len(images)), reduction="none")
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(cross_entropy(model(leaf), target), leaf)
    given = None if made.settings["maps"] == "none" else made.saliency
    perturbation = _perturbation(given, epsilon, alpha)
    course = [_mixture(perturbation, x, given, epoch, seed).mixed for epoch in range(epochs + 1)]
    cosines = cosine_similarity(-torch.cat(course).flatten(1), slope.flatten(1))
    now = cosine_similarity(-mixed.flatten(), slope.flatten(), dim=0)
    best = cosine_similarity(slope.sign().flatten(), slope.flatten(), dim=0)
    told = dict(zip(images, losses.tolist(), strict=True))
    return Adversity(label, told, float(now), float(best), cosines.cpu().numpy())


def _perturbation(saliency: Image | None, epsilon: float, alpha: float) -> SaliencyPerturbation:
    return SaliencyPerturbation("none" if saliency is None else "given", None, float(epsilon), float(alpha))


def _mixture(perturbation: SaliencyPerturbation, x: Tensor, saliency: Image | None, epoch: int, seed: int) -> Mixture:
    return perturbation.mixture(_batch(x, saliency, epoch, seed))


def _batch(x: Tensor, saliency: Image | None, epoch: int, seed: int) -> Batch:
    """One image as training sees it, with fresh draws from `seed`: the same noise, and a mask that grows by epoch."""
    maps = None if saliency is None else torch.tensor(saliency, device=x.device)[None]
    return Batch(x, torch.zeros(1, dtype=torch.int64, device=x.device), _seeded(seed), epoch, maps)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
