"""Guided Grad-CAM: a guided gradient weighed by place; and the signs that saliency-based training makes of it."""

from torch import Tensor, nn

from core.saliency.grad_cam import grad_cam, grad_cam_plus_plus
from core.saliency.gradient import gradient
from core.saliency.guided_backprop import guided_backprop
from core.saliency.method import Method
from core.saliency.scaling import min_max


def guided_grad_cam(model: nn.Module, x: Tensor, target: Tensor, guided: bool = True) -> Tensor:
    """Attributions (B, C, H, W) in [-1, 1]: `((s + 1)(c + 1) - 2) / 2`.

    s is the sign of guided backpropagation and c the map of Grad-CAM++ scaled to [0, 1] (Mangla et al. 2020,
    arXiv:2006.07828, as coded). So -1 where s is negative, and c where it is positive.

    Args:
        model: the network, in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image.
        guided: False takes the plain gradient's sign, as the released code does without meaning to.
    """
    slope = guided_backprop(model, x, target) if guided else gradient(model, x, target)[0]
    place = min_max(grad_cam_plus_plus(model, x, target))
    return ((slope.sign() + 1) * (place + 1) - 2) / 2


def guided_grad_cam_product(model: nn.Module, x: Tensor, target: Tensor, layer: str = "") -> Tensor:
    """Signed attributions (B, C, H, W): guided backpropagation times Grad-CAM (Selvaraju et al. 2017, Sec. 3.2).

    arXiv:1610.02391. Arguments as for `grad_cam`; errors as for both methods.
    """
    return guided_backprop(model, x, target) * grad_cam(model, x, target, layer)


GUIDED_GRAD_CAM_METHOD = Method(
    "guided-grad-cam",
    "Guided Grad-CAM",
    "Selvaraju et al. 2017, arXiv:1610.02391, Sec. 3.2",
    family="place",
    cost=4,
    sentence="Guided backpropagation, shown where Grad-CAM looks.",
    run=lambda ask: guided_grad_cam_product(ask.model, ask.x, ask.target, ask.layer),
)
