"""The input gradient: how each pixel's value moves the score of a class."""

from functools import partial

import torch
from torch import Tensor, nn

from core.models.asking import differentiating
from core.saliency.method import Method, plain
from core.saliency.target import resolve_target, score


@differentiating
def gradient(model: nn.Module, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Signed attributions (B, C, H, W), and the logits (B, K) that the same pass gave.

    The attribution is the derivative of the logit of `target` with respect to the image, in logits per unit of the
    [0, 1] range (Simonyan, Vedaldi, Zisserman 2014, arXiv:1312.6034, Sec. 3, without taking the absolute value).

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image. With shape
            (B, 2), the logit of the first minus that of the second is explained.
    """
    x = x.detach().requires_grad_()
    logits = model(x)
    (attributions,) = torch.autograd.grad(score(logits, resolve_target(target, logits)).sum(), x)
    return attributions, logits.detach()


def gradient_times_input(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Signed attributions (B, C, H, W), in logits: the gradient times the pixel's value.

    Shrikumar et al. 2016, arXiv:1605.01713, Sec. 2. On a linear network they sum to the logit without its bias.
    Arguments as for `gradient`.
    """
    return gradient(model, x, target)[0] * x.detach()


@differentiating
def certainty_gradient(model: nn.Module, x: Tensor) -> Tensor:
    """Signed attributions (B, C, H, W): the gradient of `sum_k log p_k`, in nats per unit of the [0, 1] range.

    Ross, Doshi-Velez 2018, arXiv:1711.09404, authors' code. No class is named: the sum is largest where all are equally
    likely, so the map points to where the network grows unsure. `model` and `x` as for `gradient`.
    """
    x = x.detach().requires_grad_()
    (attributions,) = torch.autograd.grad(model(x).log_softmax(1).sum(), x)
    return attributions


_of_slopes = partial(Method, family="gradient", cost=3)

GRADIENT_METHOD = _of_slopes(
    "gradient",
    "Gradient",
    "Simonyan et al. 2014, arXiv:1312.6034, Sec. 3",
    sentence="How much the class's score rises when a pixel gets a little brighter.",
    run=lambda ask: gradient(ask.model, ask.x, ask.target)[0],
)

GRADIENT_INPUT_METHOD = _of_slopes(
    "gradient-input",
    "Gradient x input",
    "Shrikumar et al. 2016, arXiv:1605.01713, Sec. 2",
    sentence="The gradient times the pixel's value: what the pixel adds, if the network were linear.",
    run=plain(gradient_times_input),
)

CERTAINTY_METHOD = _of_slopes(
    "certainty",
    "Certainty gradient",
    "Ross, Doshi-Velez 2018, arXiv:1711.09404, authors' code",
    sentence="Which change of a pixel makes the network less sure of any class; the same map for every class.",
    run=lambda ask: certainty_gradient(ask.model, ask.x),
    of_class=False,
)
