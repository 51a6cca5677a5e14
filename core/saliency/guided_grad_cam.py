"""Guided Grad-CAM++ as saliency-based training uses it: the sign of a gradient, weighed by place."""

from torch import Tensor

from core.models.resnet import PreActResNet
from core.saliency.grad_cam import grad_cam_plus_plus
from core.saliency.gradient import gradient
from core.saliency.guided_backprop import guided_backprop
from core.saliency.scaling import min_max


def guided_grad_cam(model: PreActResNet, x: Tensor, target: Tensor, guided: bool = True) -> Tensor:
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
