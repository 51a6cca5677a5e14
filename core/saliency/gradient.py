"""The input gradient: how each pixel's value moves the score of a class."""

import torch
from torch import Tensor, nn


def gradient(model: nn.Module, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Signed attributions (B, C, H, W), and the logits (B, K) that the same pass gave.

    The attribution is the derivative of the logit of `target` with respect to the image, in logits per unit of the
    [0, 1] range (Simonyan, Vedaldi, Zisserman 2014, arXiv:1312.6034, Sec. 3, without taking the absolute value).

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image.
    """
    x = x.detach().requires_grad_()
    logits = model(x)
    chosen = torch.where(target < 0, logits.detach().argmax(1), target)
    (attributions,) = torch.autograd.grad(logits.gather(1, chosen[:, None]).sum(), x)
    return attributions, logits.detach()
