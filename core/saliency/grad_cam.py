"""Grad-CAM and Grad-CAM++: which places of the last feature map speak for a class."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from core.models.asking import differentiating
from core.models.layers import layer_named, outputs_of
from core.models.pooled import PooledClassifier
from core.norms import precise
from core.saliency.method import Method
from core.saliency.target import resolve_target, score


def grad_cam(model: nn.Module, x: Tensor, target: Tensor, layer: str = "") -> Tensor:
    """Attributions (B, C, H, W), at least 0, the same on every channel.

    Selvaraju et al. 2017, arXiv:1610.02391, eq. 1, 2. The map is `relu(sum_k mean(dS/dA_k) A_k)` of the activated
    features A that the pooled head reads, brought to the image's size bilinearly. Nothing but the head is
    differentiated, so neither hooks nor a pass back through the network are needed. Of a network of another kind, A is
    what a layer hands on: its last feature map where none is named; the tokens of a transformer are put back on their
    grid.

    Args:
        model: the network, in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image. With shape
            (B, 2), the logit of the first minus that of the second is explained.
        layer: the name of the layer that is looked at, one of `core.models.layers.layers`; "" is the default one.

    Raises:
        ConfigError: no such layer, or none of the network has places.
    """
    features, grad = _features_and_gradient(model, x, target, layer)
    weights = grad.mean((2, 3), keepdim=True)
    return _spread(torch.relu((weights * features).sum(1, keepdim=True)), x)


def grad_cam_plus_plus(model: nn.Module, x: Tensor, target: Tensor, layer: str = "") -> Tensor:
    """Attributions (B, C, H, W) of Grad-CAM++, the same on every channel, up to a positive factor an image.

    With `g = dS/dA`: `alpha = g^2 / (2 g^2 + sum_uv A g^3 + 1e-7)`, `weight_k = sum_uv alpha relu(g)`, map `sum_k
    weight_k A_k` without a final ReLU, as coded for saliency-based training (Mangla et al. 2020, arXiv:2006.07828)
    after Chattopadhay et al. 2018 (arXiv:1710.11063). The factor `exp(S)` that both have in front of g is left out: it
    may overflow, is the same for all places of an image, and goes away when the map is scaled. Arguments as for
    `grad_cam`.
    """
    features, grad = _features_and_gradient(model, x, target, layer)
    square = grad.square()
    alpha = square / (2 * square + (features * grad**3).sum((2, 3), keepdim=True) + 1e-7)
    weights = (alpha * torch.relu(grad)).sum((2, 3), keepdim=True)
    return _spread((weights * features).sum(1, keepdim=True), x)


@differentiating
def _features_and_gradient(model: nn.Module, x: Tensor, target: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    """The features (B, width, h, w) that are looked at, and the gradient of what is explained on them."""
    if isinstance(model, PooledClassifier) and not layer:
        with torch.no_grad():
            features = precise(model.features(x))
        features.requires_grad_()
        logits = model.last_layer(features.mean((2, 3)).to(model.last_layer.weight.dtype))
        (grad,) = torch.autograd.grad(score(logits, resolve_target(target, logits)).sum(), features)
        return features.detach(), grad
    looked_at = layer_named(model, x.shape[1:], layer)
    logits, (output,) = outputs_of(model, x.detach().requires_grad_(), [looked_at])
    (grad,) = torch.autograd.grad(score(logits, resolve_target(target, logits)).sum(), output)
    return precise(looked_at.as_map(output.detach())), precise(looked_at.as_map(grad))


def _spread(heatmap: Tensor, x: Tensor) -> Tensor:
    """A map (B, 1, h, w) at the size of `x` and on all of its channels."""
    return interpolate(heatmap, x.shape[2:], mode="bilinear", align_corners=False).expand_as(x)


_of_places = partial(Method, family="place", cost=1, signed=False, flat=True)

GRAD_CAM_METHOD = _of_places(
    "grad-cam",
    "Grad-CAM",
    "Selvaraju et al. 2017, arXiv:1610.02391, eq. 1, 2",
    sentence="Where the last feature map holds what speaks for the class; coarse.",
    run=lambda ask: grad_cam(ask.model, ask.x, ask.target, ask.layer),
)

GRAD_CAM_PLUS_PLUS_METHOD = _of_places(
    "grad-cam++",
    "Grad-CAM++",
    "Chattopadhay et al. 2018, arXiv:1710.11063",
    sentence="Grad-CAM with places weighed one by one, so that several objects show.",
    run=lambda ask: grad_cam_plus_plus(ask.model, ask.x, ask.target, ask.layer).relu(),
)
