"""The saliency methods of this layer, and the one call that all methods share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from core.errors import ConfigError, InputError
from core.progress import OnProgress, ShouldStop, check, never, silent
from core.saliency.coalitions import kernel_shap, lime
from core.saliency.deep_lift import deep_lift
from core.saliency.expected_gradients import expected_gradients, gradient_shap
from core.saliency.grad_cam import grad_cam, grad_cam_plus_plus
from core.saliency.gradient import certainty_gradient, gradient, gradient_times_input
from core.saliency.guided_backprop import deconvolution, guided_backprop
from core.saliency.guided_grad_cam import guided_grad_cam_product
from core.saliency.integrated_gradients import integrated_gradients
from core.saliency.occlusion import feature_ablation, occlusion
from core.saliency.smooth_grad import smooth_grad, smooth_grad_squared, var_grad
from core.saliency.target import Target

Family = Literal["gradient", "path", "rule", "place", "cover", "attack"]

FAMILIES: dict[Family, str] = {
    "gradient": "Gradients: how the score answers to a small change of each pixel.",
    "path": "Paths: gradients gathered between a reference image and this one.",
    "rule": "Other ways back: gradients changed on their way through the activations.",
    "place": "Places: which parts of the last feature map speak for the class.",
    "cover": "Covering: what the score loses when a part of the image is hidden.",
    "attack": "Attacks: what the network would change in the image to be surer of the class.",
}

STEPS = 32
"""Points of integrated gradients, and samples of the methods that average over some, when asked for by name."""
MASKED = 256
"""Covered images of KernelSHAP and LIME."""


@dataclass(frozen=True, slots=True)
class AttributionRequest:
    """One call of a method.

    Attributes:
        model: images (B, C, H, W) to logits (B, K), in eval mode; never changed.
        x: images (B, C, H, W), float in [0, 1].
        target: the classes explained (B,), or contrasts (B, 2), int64.
        generator: source of all draws.
        on_progress: called with passes done, and of how many.
        should_stop: asked before each pass of a long method.
    """

    model: nn.Module
    x: Tensor
    target: Tensor
    generator: torch.Generator
    on_progress: OnProgress = silent
    should_stop: ShouldStop = never


@dataclass(frozen=True, slots=True)
class Method:
    """A saliency method.

    Attributes:
        key: its name in files and URLs.
        title: its name for people.
        source: the paper, with section or equation.
        family: what it is built on.
        cost: forward and backward passes an image, about; 1 is one pass forward, and a pass back counts as two.
        sentence: what its map shows.
        run: attributions (B, C, H, W).
        signed: whether attributions may be negative.
        random: whether it draws from the generator.
        of_class: whether it explains the class asked for; False is the same for every class.
        flat: whether all channels of a pixel are the same, so that the map is one of places (B, H, W).
        long: whether it reports progress and can be stopped.
    """

    key: str
    title: str
    source: str
    family: Family
    cost: int
    sentence: str
    run: Callable[[AttributionRequest], Tensor]
    signed: bool = True
    random: bool = False
    of_class: bool = True
    flat: bool = False
    long: bool = False


_METHODS = (
    Method(
        "gradient",
        "Gradient",
        "Simonyan et al. 2014, arXiv:1312.6034, Sec. 3",
        "gradient",
        3,
        "How much the class's score rises when a pixel gets a little brighter.",
        lambda ask: gradient(ask.model, ask.x, ask.target)[0],
    ),
    Method(
        "gradient-input",
        "Gradient x input",
        "Shrikumar et al. 2016, arXiv:1605.01713, Sec. 2",
        "gradient",
        3,
        "The gradient times the pixel's value: what the pixel adds, if the network were linear.",
        lambda ask: gradient_times_input(ask.model, ask.x, ask.target),
    ),
    Method(
        "certainty",
        "Certainty gradient",
        "Ross, Doshi-Velez 2018, arXiv:1711.09404, authors' code",
        "gradient",
        3,
        "Which change of a pixel makes the network less sure of any class; the same map for every class.",
        lambda ask: certainty_gradient(ask.model, ask.x),
        of_class=False,
    ),
    Method(
        "smooth-grad",
        "SmoothGrad",
        "Smilkov et al. 2017, arXiv:1706.03825, eq. 2",
        "gradient",
        3 * STEPS,
        "The mean gradient over noisy copies of the image.",
        lambda ask: smooth_grad(ask.model, ask.x, ask.target, ask.generator, STEPS),
        random=True,
    ),
    Method(
        "smooth-grad-squared",
        "SmoothGrad squared",
        "Hooker et al. 2019, arXiv:1806.10758",
        "gradient",
        3 * STEPS,
        "The mean squared gradient over noisy copies: where the score is sensitive, without direction.",
        lambda ask: smooth_grad_squared(ask.model, ask.x, ask.target, ask.generator, STEPS),
        signed=False,
        random=True,
    ),
    Method(
        "var-grad",
        "VarGrad",
        "Adebayo et al. 2018, arXiv:1810.03307",
        "gradient",
        3 * STEPS,
        "How much the gradient varies over noisy copies of the image.",
        lambda ask: var_grad(ask.model, ask.x, ask.target, ask.generator, STEPS),
        signed=False,
        random=True,
    ),
    Method(
        "integrated-gradients",
        "Integrated gradients",
        "Sundararajan et al. 2017, arXiv:1703.01365, Sec. 3",
        "path",
        3 * STEPS,
        "What each pixel adds on the straight way from a black image; the map sums to the change of the score.",
        lambda ask: integrated_gradients(ask.model, ask.x, ask.target, STEPS),
    ),
    Method(
        "expected-gradients",
        "Expected gradients",
        "Erion et al. 2021, arXiv:1906.10670",
        "path",
        3 * STEPS,
        "Integrated gradients averaged over plain grey references from black to white.",
        lambda ask: expected_gradients(ask.model, ask.x, ask.target, ask.generator, STEPS),
        random=True,
    ),
    Method(
        "gradient-shap",
        "GradientSHAP",
        "Lundberg, Lee 2017, arXiv:1705.07874, as in their library",
        "path",
        3 * STEPS,
        "Expected gradients from noisy copies of the image.",
        lambda ask: gradient_shap(ask.model, ask.x, ask.target, ask.generator, STEPS),
        random=True,
    ),
    Method(
        "guided-backprop",
        "Guided backpropagation",
        "Springenberg et al. 2015, arXiv:1412.6806, Sec. 3.4",
        "rule",
        3,
        "The gradient, keeping at each activation only what speaks for the class.",
        lambda ask: guided_backprop(ask.model, ask.x, ask.target),
    ),
    Method(
        "deconvolution",
        "Deconvolution",
        "Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 2.1",
        "rule",
        3,
        "What speaks for the class, sent back through every unit, whether it was on or off.",
        lambda ask: deconvolution(ask.model, ask.x, ask.target),
    ),
    Method(
        "deep-lift",
        "DeepLIFT",
        "Shrikumar et al. 2017, arXiv:1704.02685, Sec. 3.5.1 (Rescale)",
        "rule",
        4,
        "What each pixel adds compared with a black image, by differences instead of slopes; sums to the change.",
        lambda ask: deep_lift(ask.model, ask.x, ask.target),
    ),
    Method(
        "grad-cam",
        "Grad-CAM",
        "Selvaraju et al. 2017, arXiv:1610.02391, eq. 1, 2",
        "place",
        1,
        "Where the last feature map holds what speaks for the class; coarse.",
        lambda ask: grad_cam(ask.model, ask.x, ask.target),
        signed=False,
        flat=True,
    ),
    Method(
        "grad-cam++",
        "Grad-CAM++",
        "Chattopadhay et al. 2018, arXiv:1710.11063",
        "place",
        1,
        "Grad-CAM with places weighed one by one, so that several objects show.",
        lambda ask: grad_cam_plus_plus(ask.model, ask.x, ask.target).relu(),
        signed=False,
        flat=True,
    ),
    Method(
        "guided-grad-cam",
        "Guided Grad-CAM",
        "Selvaraju et al. 2017, arXiv:1610.02391, Sec. 3.2",
        "place",
        4,
        "Guided backpropagation, shown where Grad-CAM looks.",
        lambda ask: guided_grad_cam_product(ask.model, ask.x, ask.target),
    ),
    Method(
        "occlusion",
        "Occlusion",
        "Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 4.2",
        "cover",
        226,
        "What the score loses when a grey square of 5x5 pixels covers the place.",
        lambda ask: occlusion(ask.model, ask.x, ask.target, on_progress=ask.on_progress, should_stop=ask.should_stop),
        flat=True,
        long=True,
    ),
    Method(
        "feature-ablation",
        "Superpixel ablation",
        "As occlusion, on superpixels (Achanta et al. 2012)",
        "cover",
        25,
        "What the score loses when a piece of the image, alike in colour, turns grey.",
        lambda ask: feature_ablation(
            ask.model, ask.x, ask.target, on_progress=ask.on_progress, should_stop=ask.should_stop
        ),
        flat=True,
        long=True,
    ),
    Method(
        "kernel-shap",
        "KernelSHAP",
        "Lundberg, Lee 2017, arXiv:1705.07874, Theorem 2",
        "cover",
        MASKED,
        "Each piece's fair share (Shapley value) of the score, estimated from images with some pieces grey.",
        lambda ask: kernel_shap(
            ask.model, ask.x, ask.target, ask.generator, MASKED, None, ask.on_progress, ask.should_stop
        ),
        random=True,
        flat=True,
        long=True,
    ),
    Method(
        "lime",
        "LIME",
        "Ribeiro et al. 2016, arXiv:1602.04938, Sec. 3.4",
        "cover",
        MASKED,
        "Each piece's weight in a linear model of the score near this image.",
        lambda ask: lime(ask.model, ask.x, ask.target, ask.generator, MASKED, None, ask.on_progress, ask.should_stop),
        random=True,
        flat=True,
        long=True,
    ),
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
    if method not in SALIENCY_METHODS:
        raise ConfigError(f"method must be one of {', '.join(SALIENCY_METHODS)}; got {method!r}")
    return SALIENCY_METHODS[method]


def attribute(method: str | Method, ask: AttributionRequest) -> Tensor:
    """Attributions (B, C, H, W) of the method; zero is a possible answer, NaN and infinity are not.

    Raises:
        ConfigError: no such method, or one that the network does not allow.
        InputError: the network answers with values that are not finite.
        StoppedError: `should_stop` said so.
    """
    method = method_named(method)
    check(ask.should_stop)
    attributions = method.run(ask)
    if not bool(attributions.isfinite().all()):
        raise InputError(f"{method.title} gives values that are not finite for this network and image")
    return attributions.detach()


def resolve_targets(model: nn.Module, x: Tensor, target: Target, labels: Tensor | None = None) -> Tensor:
    """The classes (B,), or contrasts (B, 2), that `target` means for `model` on `x`; errors as for `Target.classes`."""
    with torch.no_grad():
        return target.classes(model(x), labels)
