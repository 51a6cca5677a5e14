"""Integrated gradients: the gradient averaged along the straight line from a baseline, times the way gone."""

from typing import Literal

import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from core.errors import ConfigError
from core.models.asking import at_once, check_classes, differentiating
from core.saliency.method import STEPS, Method, steps_for
from core.saliency.target import resolve_target_by, score

CHUNK = 128  # images a pass: larger ones leave the cache and take longer


@differentiating
def integrated_gradients(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    steps: int = 100,
    of: Literal["logit", "loss"] = "logit",
) -> Tensor:
    """Signed attributions (B, C, H, W) from a black baseline, through Captum.

    Sundararajan et al. 2017, arXiv:1703.01365. They sum, up to the quadrature with `steps` points, to the value at `x`
    minus that at the baseline.

    Args:
        model: images (B, C, H, W) to logits (B, K), in eval mode.
        x: images (B, C, H, W), float in [0, 1]; left unchanged.
        target: the class explained, (B,), int64; a negative entry means the class predicted for that image. With shape
            (B, 2), the logit of the first minus that of the second is explained.
        steps: points on the line.
        of: what is explained: the logit of the class, or the cross-entropy of it, which has the other sign.

    Raises:
        ConfigError: steps < 1, another `of`, the loss of a contrast, or a class that the network does not have.
    """
    if steps < 1 or of not in ("logit", "loss"):
        raise ConfigError(f"need steps >= 1, and of in logit, loss; got {steps} and {of!r}")
    if of == "loss" and target.dim() == 2:
        raise ConfigError("a contrast of two classes has no cross-entropy; explain the logit")
    x = x.detach()
    classes = resolve_target_by(model, x, target)

    def value(points: Tensor, classes: Tensor) -> Tensor:
        logits = model(points).float()
        if of == "loss":
            check_classes(classes, logits.shape[1])
            return cross_entropy(logits, classes, reduction="none")
        return score(logits, classes)

    attributions: Tensor = (
        IntegratedGradients(value)
        .attribute(
            x.clone().requires_grad_(),
            torch.zeros_like(x),
            n_steps=steps,
            additional_forward_args=(classes,),
            internal_batch_size=max(at_once(x, CHUNK), len(x)),
        )
        .to(x.dtype)
        .detach()
    )
    return attributions


INTEGRATED_GRADIENTS_METHOD = Method(
    "integrated-gradients",
    "Integrated gradients",
    "Sundararajan et al. 2017, arXiv:1703.01365, Sec. 3",
    family="path",
    cost=3 * STEPS,
    sentence="What each pixel adds on the straight way from a black image; the map sums to the change of the score.",
    run=lambda ask: integrated_gradients(ask.model, ask.x, ask.target, steps_for(ask.x)),
    averages=True,
)
