"""Heat maps that can be moved: the same maps, as functions of the image that can be differentiated once more."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from core.errors import ConfigError, InputError, choice_of
from core.models.fast import private_copy
from core.models.layers import default_layer, outputs_of
from core.models.pooled import PooledClassifier
from core.saliency.grad_cam import grad_cam
from core.saliency.gradient import gradient
from core.saliency.integrated_gradients import integrated_gradients

SmoothedMethod = Literal["gradient", "integrated-gradients", "grad-cam"]
SMOOTHED_METHODS: tuple[SmoothedMethod, ...] = ("gradient", "integrated-gradients", "grad-cam")

POINTS = 8
"""Points on the line of integrated gradients while an image is searched for."""
JUDGED_POINTS = 32
"""Points on that line when a map is judged or shown."""
LEAK = 0.01
"""What is kept of Grad-CAM's negative part in the search, so that a place without evidence has a slope."""


def check_method(method: str) -> SmoothedMethod:
    """The method, if it is one of `METHODS`.

    Raises:
        ConfigError: any other name.
    """
    return choice_of("method", SMOOTHED_METHODS, method)


def check_gradient(model: nn.Module, x: Tensor) -> None:
    """Refuse a network whose answers do not hang on the images (B, C, H, W) at all, as it has no gradient.

    Raises:
        InputError: it is such a network.
    """
    if not model(x[:1].detach().requires_grad_()).requires_grad:
        raise InputError("this network answers without looking at the image, so that no map of it can be fooled")


def heatmap(attributions: Tensor) -> Tensor:
    """Heat maps (B, H, W), at least 0 and adding up to 1, of attributions (B, C, H, W); zero where these are zero.

    The sum over channels of absolute values, over its total: the map that both Ghorbani et al. 2019 (arXiv:1710.10547)
    and Dombrowski et al. 2019 (arXiv:1906.07983) attack. (The signed sum that `Look.heatmap` shows has no mass that
    could lie in a region.)
    """
    mass = attributions.abs().sum(1)
    total = mass.sum((1, 2), keepdim=True)
    return torch.where(total > 0, mass / torch.where(total > 0, total, 1.0), 0.0)


def heat_map_of(
    model: nn.Module, x: Tensor, target: Tensor, method: SmoothedMethod, points: int = JUDGED_POINTS
) -> Tensor:
    """Heat maps (B, H, W) of the class `target` on the network as it is, through `core.saliency`.

    Args:
        model: the network, in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64.
        method: one of `METHODS`.
        points: on the line of integrated gradients; the other methods have none.
    """
    match method:
        case "gradient":
            return heatmap(gradient(model, x, target)[0])
        case "integrated-gradients":
            return heatmap(integrated_gradients(model, x, target, points))
        case "grad-cam":
            return heatmap(grad_cam(model, x, target))


def smooth_copy(model: nn.Module, beta: float) -> nn.Module:
    """A copy of `model`, sharing its parameters, with softplus in place of every ReLU (Dombrowski et al. 2019, Sec. 3).

    `softplus(u) = log(1 + exp(beta u)) / beta`. A network of ReLUs is linear in pieces: its gradient has no slope of
    its own to follow. HHReLU has one and stays.

    Raises:
        ConfigError: beta <= 0.
    """
    if not 0 < beta < float("inf"):
        raise ConfigError(f"beta must be above 0; got {beta}")
    copy = private_copy(model)
    for module in list(copy.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.Softplus(beta))
    return copy


def smooth_map(smooth: nn.Module, x: Tensor, target: Tensor, method: SmoothedMethod) -> Tensor:
    """Heat maps (B, H, W) of the class `target`, differentiable in `x`.

    Args:
        smooth: what `smooth_copy` gives, in eval mode.
        x: images (B, C, H, W) that require a gradient.
        target: the class explained, (B,), int64.
        method: one of `METHODS`; integrated gradients are summed over `POINTS` midpoints.

    Raises:
        ConfigError: Grad-CAM of a network without places.
    """
    maps: dict[SmoothedMethod, Callable[[nn.Module, Tensor, Tensor], Tensor]] = {
        "gradient": _gradient,
        "integrated-gradients": _integrated_gradients,
        "grad-cam": _grad_cam,
    }
    return maps[method](smooth, x, target)


def _gradient(smooth: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    chosen = smooth(x).gather(1, target[:, None])
    (slope,) = torch.autograd.grad(chosen.sum(), x, create_graph=True)
    return heatmap(slope)


def _integrated_gradients(smooth: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    shares = (torch.arange(POINTS, dtype=x.dtype, device=x.device) + 0.5) / POINTS
    points = (shares.view(-1, 1, 1, 1, 1) * x).flatten(0, 1)
    chosen = smooth(points).gather(1, target.repeat(POINTS)[:, None])
    (slope,) = torch.autograd.grad(chosen.sum(), points, create_graph=True)
    return heatmap(x * slope.view(POINTS, *x.shape).mean(0))


def _grad_cam(smooth: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Where the head is linear on pooled features, a feature's weight is the head's, up to the number of places."""
    if isinstance(smooth, PooledClassifier):
        features = smooth.features(x)
        weights = smooth.last_layer.weight[target][:, :, None, None]
    else:
        layer = default_layer(smooth, x.shape[1:])
        logits, (output,) = outputs_of(smooth, x, [layer])
        chosen = logits.gather(1, target[:, None])
        (slope,) = torch.autograd.grad(chosen.sum(), output, create_graph=True)
        features, weights = layer.as_map(output), layer.as_map(slope).mean((2, 3), keepdim=True)
    places = leaky_relu((weights * features).sum(1, keepdim=True), LEAK)
    spread = interpolate(places, x.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return spread / spread.abs().sum((1, 2), keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's correlation (B,) of maps (B, H, W) with others, in [-1, 1]; 0 where one of the two is constant."""
    first, second = (flat - flat.mean(1, keepdim=True) for flat in (one.flatten(1), other.flatten(1)))
    lengths = first.norm(dim=1) * second.norm(dim=1)
    return torch.where(lengths > 0, (first * second).sum(1) / torch.where(lengths > 0, lengths, 1.0), 0.0)
