"""Integrated gradients averaged over many reference images, by sampling: expected gradients and GradientSHAP."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from core.draws import gaussian, integers, permutation, uniform
from core.errors import ConfigError, InputError
from core.models.asking import at_once
from core.saliency.gradient import gradient
from core.saliency.method import STEPS, Method, steps_for
from core.saliency.target import resolve_target_by

CHUNK = 128  # images a pass: larger ones leave the cache and take longer
GREYS = 9
"""Levels of the plain images that stand in where no references are given."""
SHAP_NOISE = 0.09
"""Of GradientSHAP, which is Lundberg and Lee's in their library's GradientExplainer and in Captum: that of Captum's
tutorial for images."""


def plain_references(x: Tensor) -> Tensor:
    """Images (9, C, H, W) of one grey level each, from black to white: references that need no data set."""
    levels = torch.linspace(0.0, 1.0, GREYS, dtype=x.dtype, device=x.device)
    return levels.view(-1, 1, 1, 1).expand(-1, *x.shape[1:])


def expected_gradients(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    generator: torch.Generator,
    samples: int = 32,
    references: Tensor | None = None,
    noise: float = 0.0,
) -> Tensor:
    """Signed attributions (B, C, H, W), in logits: the mean of `(x - r) * grad f(r + u (x - r))`.

    Erion et al. 2021, arXiv:1906.10670: r drawn from the references, u uniform on [0, 1]. In expectation the
    attributions sum to `f(x)` minus the mean of f over the references. u is drawn evenly (one draw in each of `samples`
    equal parts, in random order), which leaves the expectation and lowers its error. Captum's GradientShap draws from
    the global generator, so it is written out here.

    Args:
        model: as for `integrated_gradients`.
        x: as for `integrated_gradients`.
        target: as for `integrated_gradients`.
        generator: source of all draws.
        samples: gradients an image.
        references: images (N, C, H, W) to compare with, [0, 1]; None takes `plain_references`.
        noise: deviation of noise that is added to x in each sample, in the [0, 1] range; above 0 this is GradientSHAP.

    Raises:
        ConfigError: samples < 1 or noise < 0.
        InputError: references of another shape, or none.
    """
    if samples < 1 or not 0 <= noise < float("inf"):
        raise ConfigError(f"need samples >= 1 and noise >= 0; got {samples} and {noise}")
    x = x.detach()
    known = plain_references(x) if references is None else references.to(x)
    if len(known) == 0 or known.shape[1:] != x.shape[1:]:
        raise InputError(f"references must be images of shape {tuple(x.shape[1:])}; got {tuple(known.shape)}")
    target = resolve_target_by(model, x, target)
    parts = torch.stack([permutation(samples, generator, x) for _ in range(len(x))])
    shares = (parts + uniform(parts.shape, generator, x, torch.float32)) / samples
    total = torch.zeros_like(x)
    together = max(1, at_once(x, CHUNK) // len(x))
    for start in range(0, samples, together):
        count = min(together, samples - start)
        drawn = integers(len(known), (count, len(x)), generator, x)
        start_at = known[drawn]
        goal = x.expand(count, *x.shape)
        if noise > 0:
            goal = goal + noise * gaussian(goal.shape, generator, x)
        way = goal - start_at
        share = shares[:, start : start + count].T[:, :, None, None, None].to(x.dtype)
        points = (start_at + share * way).flatten(0, 1)
        slopes = gradient(model, points, target.repeat(count, *[1] * (target.dim() - 1)))[0]
        total += (way * slopes.view_as(way)).sum(0)
    return total / samples


EXPECTED_GRADIENTS_METHOD = Method(
    "expected-gradients",
    "Expected gradients",
    "Erion et al. 2021, arXiv:1906.10670",
    family="path",
    cost=3 * STEPS,
    sentence="Integrated gradients averaged over plain grey references from black to white.",
    run=lambda ask: expected_gradients(ask.model, ask.x, ask.target, ask.generator, steps_for(ask.x)),
    random=True,
    averages=True,
)

GRADIENT_SHAP_METHOD = replace(
    EXPECTED_GRADIENTS_METHOD,
    key="gradient-shap",
    title="GradientSHAP",
    source="Lundberg, Lee 2017, arXiv:1705.07874, as in their library",
    sentence="Expected gradients from noisy copies of the image.",
    run=lambda ask: expected_gradients(ask.model, ask.x, ask.target, ask.generator, steps_for(ask.x), noise=SHAP_NOISE),
)
