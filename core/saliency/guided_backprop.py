"""Guided backpropagation: the input gradient, with negative gradients dropped at every activation on the way back."""

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models.activations import HalfHuberReLU
from core.models.fast import private_copy
from core.saliency.gradient import gradient


class _Guided(nn.Module):
    """An activation that hands back the positive part of the gradient it receives, times its own derivative."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, u: Tensor) -> Tensor:
        h = self.inner(u)
        if h.requires_grad:
            h.register_hook(torch.relu)  # on this pass's tensor, so no other pass sees it
        return h


def guided_backprop(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Signed attributions (B, C, H, W) of the logit of `target` (Springenberg et al. 2015, arXiv:1412.6806, Sec. 3.4).

    At every ReLU the gradient on its way back loses its negative part, besides where the ReLU is off. For HHReLU, which
    the paper does not know, the same is done: the positive part of what arrives, times the ramp that is its derivative.
    Captum's version knows only `nn.ReLU`, so it is written out here. `model` itself is not touched.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode; its activations must be modules.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image.

    Raises:
        ConfigError: the model has no activation module, so that nothing would be guided.
    """
    return gradient(_guided(model), x, target)[0]


def _guided(model: nn.Module) -> nn.Module:
    """A copy of `model`, sharing its parameters, with every activation guided."""
    copy = private_copy(model)
    replaced = 0
    for module in list(copy.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.ReLU | HalfHuberReLU):
                setattr(module, name, _Guided(child))
                replaced += 1
    if replaced == 0:
        raise ConfigError("guided backpropagation needs ReLU or HHReLU modules; the network has none")
    return copy
