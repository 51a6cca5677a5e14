"""Guided backpropagation: the input gradient, with negative gradients dropped at every activation on the way back."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models.asking import differentiating
from core.saliency.method import Method, plain
from core.saliency.rules import Rule, Ruled, straight
from core.saliency.target import resolve_target, score


def guided_backprop(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Signed attributions (B, C, H, W) of the logit of `target` (Springenberg et al. 2015, arXiv:1412.6806, Sec. 3.4).

    At every ReLU the gradient on its way back loses its negative part, besides where the ReLU is off. For HHReLU, which
    the paper does not know, the same is done: the positive part of what arrives, times the ramp that is its derivative.
    So it is for what else stands in ReLU's place (ReLU6, leaky ReLU, ELU, GELU, SiLU, Mish, Softplus, Hardswish): the
    positive part of what arrives, times the activation's own derivative. Gates (sigmoid, tanh) pass what arrives as is.
    Captum's version knows only `nn.ReLU` and sets hooks on the network, so it is written out here; activations called
    by name, again, or in place are guided, too.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image. With shape
            (B, 2), the logit of the first minus that of the second is explained.

    Raises:
        ConfigError: the model has no such activation, so that nothing would be guided.
    """
    return _by_rule(model, x, target, lambda u, h: _positive(h), "guided backpropagation")


def deconvolution(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Signed attributions (B, C, H, W) of the logit of `target` (Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 2.1).

    At every ReLU, and what stands in its place, the positive part of the gradient passes whether the unit was on or
    off. Arguments and errors as for `guided_backprop`.
    """
    return _by_rule(model, x, target, lambda u, h: _positive(straight(u, h)), "deconvolution")


def _positive(h: Tensor) -> Tensor:
    """`h`, through which only the positive part of a gradient passes."""
    if h.requires_grad:
        h.register_hook(torch.relu)  # on this pass's tensor, so no other pass sees it
    return h


@differentiating
def _by_rule(model: nn.Module, x: Tensor, target: Tensor, rule: Rule, name: str) -> Tensor:
    x = x.detach().requires_grad_()
    with Ruled(rule) as ruled:
        logits = model(x)
    if ruled.count == 0:
        raise ConfigError(f"{name} needs ReLU or another rectifying activation; the network has none")
    (attributions,) = torch.autograd.grad(score(logits, resolve_target(target, logits)).sum(), x)
    return attributions


GUIDED_BACKPROP_METHOD = Method(
    "guided-backprop",
    "Guided backpropagation",
    "Springenberg et al. 2015, arXiv:1412.6806, Sec. 3.4",
    family="rule",
    cost=3,
    sentence="The gradient, keeping at each activation only what speaks for the class.",
    run=plain(guided_backprop),
)

DECONVOLUTION_METHOD = replace(
    GUIDED_BACKPROP_METHOD,
    key="deconvolution",
    title="Deconvolution",
    source="Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 2.1",
    sentence="What speaks for the class, sent back through every unit, whether it was on or off.",
    run=plain(deconvolution),
)
