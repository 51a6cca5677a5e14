"""DeepLIFT: what each pixel adds to a score, compared with a black image, by slopes of secants."""

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models.asking import differentiating
from core.saliency.method import Method, plain
from core.saliency.rules import Ruled, straight
from core.saliency.target import resolve_target, score

SAME = 1e-6
"""Inputs of an activation closer than this get its derivative instead of the secant, as in the paper's Sec. 3.5.1."""
ROUNDING = 32
"""By how many units of rounding, of the logits and of all that is added, the sum of the attributions may miss."""


@differentiating
def deep_lift(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Signed attributions (B, C, H, W), in logits, that sum to `f(x) - f(black)` (Shrikumar et al. 2017, Rescale rule).

    arXiv:1704.02685, Sec. 3.5.1: at each activation, also HHReLU, the derivative is replaced by `(h - h0) / (u - u0)`,
    u0 and h0 belonging to the black image. Captum's version sets hooks on the network and does not know HHReLU, so it
    is written out here, from two passes.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode; affine but for activations entry by entry.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image. With shape
            (B, 2), the logit of the first minus that of the second is explained.

    Raises:
        ConfigError: the attributions do not sum up, so that the network has a step for which the rule is not made.
    """
    x = x.detach()
    before: list[tuple[Tensor, Tensor]] = []

    def keep(u: Tensor, h: Tensor) -> Tensor:
        before.append((u.clone(), h.clone()))  # what follows may work in place
        return h

    with torch.no_grad(), Ruled(keep, gates=True):
        at_black = model(torch.zeros_like(x))
    order = iter(before)

    def secant(u: Tensor, h: Tensor) -> Tensor:
        u0, h0 = next(order)
        way = (u - u0).detach()
        near = way.abs() < SAME
        (slope,) = torch.autograd.grad(h.sum(), u, retain_graph=True) if bool(near.any()) else (way,)
        return straight(u, h, torch.where(near, slope, (h - h0).detach() / torch.where(near, 1.0, way)))

    points = x.clone().requires_grad_()
    with Ruled(secant, gates=True):
        logits = model(points)
    target = resolve_target(target, logits)
    value = score(logits, target)
    (multipliers,) = torch.autograd.grad(value.sum(), points)
    attributions = multipliers * x
    change = (value - score(at_black, target)).detach()
    missed = (attributions.sum((1, 2, 3)) - change).abs()
    size = attributions.abs().sum((1, 2, 3)) + logits.detach().abs().amax(1)
    if bool((missed > ROUNDING * torch.finfo(size.dtype).eps * size).any()):
        raise ConfigError("DeepLIFT needs a network of affine steps and activations; this one has another step")
    return attributions


DEEP_LIFT_METHOD = Method(
    "deep-lift",
    "DeepLIFT",
    "Shrikumar et al. 2017, arXiv:1704.02685, Sec. 3.5.1 (Rescale)",
    family="rule",
    cost=4,
    sentence="What each pixel adds compared with a black image, by differences instead of slopes; sums to the change.",
    run=plain(deep_lift),
)
