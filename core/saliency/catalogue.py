"""The saliency methods of this layer, and the one call that all methods share."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from core.errors import InputError, choice_of
from core.models.asking import check_pixels, differentiating, usable
from core.progress import check
from core.saliency.coalitions import KERNEL_SHAP_METHOD, LIME_METHOD
from core.saliency.deep_lift import DEEP_LIFT_METHOD
from core.saliency.expected_gradients import EXPECTED_GRADIENTS_METHOD, GRADIENT_SHAP_METHOD
from core.saliency.grad_cam import GRAD_CAM_METHOD, GRAD_CAM_PLUS_PLUS_METHOD
from core.saliency.gradient import CERTAINTY_METHOD, GRADIENT_INPUT_METHOD, GRADIENT_METHOD
from core.saliency.guided_backprop import DECONVOLUTION_METHOD, GUIDED_BACKPROP_METHOD
from core.saliency.guided_grad_cam import GUIDED_GRAD_CAM_METHOD
from core.saliency.integrated_gradients import INTEGRATED_GRADIENTS_METHOD
from core.saliency.method import AttributionRequest, Method
from core.saliency.occlusion import FEATURE_ABLATION_METHOD, OCCLUSION_METHOD
from core.saliency.smooth_grad import SMOOTH_GRAD_METHOD, SMOOTH_GRAD_SQUARED_METHOD, VAR_GRAD_METHOD
from core.saliency.target import Target

_METHODS = (
    GRADIENT_METHOD,
    GRADIENT_INPUT_METHOD,
    CERTAINTY_METHOD,
    SMOOTH_GRAD_METHOD,
    SMOOTH_GRAD_SQUARED_METHOD,
    VAR_GRAD_METHOD,
    INTEGRATED_GRADIENTS_METHOD,
    EXPECTED_GRADIENTS_METHOD,
    GRADIENT_SHAP_METHOD,
    GUIDED_BACKPROP_METHOD,
    DECONVOLUTION_METHOD,
    DEEP_LIFT_METHOD,
    GRAD_CAM_METHOD,
    GRAD_CAM_PLUS_PLUS_METHOD,
    GUIDED_GRAD_CAM_METHOD,
    OCCLUSION_METHOD,
    FEATURE_ABLATION_METHOD,
    KERNEL_SHAP_METHOD,
    LIME_METHOD,
)
SALIENCY_METHODS: Mapping[str, Method] = {method.key: method for method in _METHODS}
"""By the key used in files and URLs. `core.explanations.catalogue` has these and those that need an attack."""


def method_named(method: str | Method) -> Method:
    """The method with this key; a method from a layer above is handed in, and comes back as it is.

    Raises:
        ConfigError: there is none.
    """
    if isinstance(method, Method):
        return method
    return SALIENCY_METHODS[choice_of("method", SALIENCY_METHODS, method)]


@differentiating
def attribute(method: str | Method, ask: AttributionRequest) -> Tensor:
    """Attributions (B, C, H, W) of the method; zero is a possible answer, NaN and infinity are not.

    Raises:
        ConfigError: no such method, one that the network does not allow, or a class that it does not have.
        InputError: pixels that are no numbers, or the network answers with values that are not finite.
        StoppedError: `should_stop` said so.
    """
    method = method_named(method)
    check(ask.should_stop)
    check_pixels(ask.x)
    attributions = method.run(replace(ask, x=usable(ask.x), target=usable(ask.target)))
    if not bool(attributions.isfinite().all()):
        raise InputError(f"{method.title} gives values that are not finite for this network and image")
    return attributions.detach().to(ask.x.dtype)


def resolve_targets(model: nn.Module, x: Tensor, target: Target, labels: Tensor | None = None) -> Tensor:
    """The classes (B,), or contrasts (B, 2), that `target` means for `model` on `x`; errors as for `Target.classes`."""
    with torch.no_grad():
        return target.classes(model(x), labels)
