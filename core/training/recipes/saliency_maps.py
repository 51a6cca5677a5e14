"""The saliency maps that training perturbations are built from, by name, each in the range that its source gives it."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from core.saliency.grad_cam import grad_cam_plus_plus
from core.saliency.gradient import gradient
from core.saliency.guided_backprop import guided_backprop
from core.saliency.guided_grad_cam import guided_grad_cam
from core.saliency.scaling import min_max
from core.saliency.smooth_grad import smooth_grad

MapName = Literal[
    "none",
    "given",
    "gradient-sign",
    "guided-sign",
    "smooth-grad",
    "grad-cam++",
    "guided-grad-cam++",
    "gradient-grad-cam++",
    "integrated-gradients",
]


def _integrated_gradients(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Those of the loss. Captum comes with them, which no page should wait for that only names its networks."""
    from core.saliency.integrated_gradients import integrated_gradients  # noqa: PLC0415

    return integrated_gradients(model, x, target, of="loss")


# Mangla et al. 2020, arXiv:2006.07828, as coded. Maps in [-1, 1] move pixels both ways, maps in [0, 1] only darken: the
# two are not comparable at the same epsilon. The released code means to guide and does not, so it computes
# "gradient-sign" and "gradient-grad-cam++"; its integrated gradients are those of the loss, whose sign is the other way
# round.
STRONG_MAPS: dict[MapName, Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]] = {
    "gradient-sign": lambda model, x, target, _: gradient(model, x, target)[0].sign(),
    "guided-sign": lambda model, x, target, _: guided_backprop(model, x, target).sign(),
    "smooth-grad": lambda model, x, target, generator: min_max(smooth_grad(model, x, target, generator)),
    "grad-cam++": lambda model, x, target, _: min_max(grad_cam_plus_plus(model, x, target)),
    "guided-grad-cam++": lambda model, x, target, _: guided_grad_cam(model, x, target),
    "gradient-grad-cam++": lambda model, x, target, _: guided_grad_cam(model, x, target, guided=False),
    "integrated-gradients": lambda model, x, target, _: min_max(_integrated_gradients(model, x, target)),
}
