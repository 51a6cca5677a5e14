"""Alignment: how much of the image lies along the network's gradient."""

from collections.abc import Callable

import numpy as np
import torch

from core.metrics.alignment import alignment, alignment_cosine
from core.saliency.gradient import gradient
from core.saliency.measures.measure import Case, Measure, Values


def _with_slopes(function: Callable[..., Values]) -> Callable[[Case], Values]:
    """The run of a measure of images and the gradients (B, C, H, W) of the classes predicted for them."""

    def run(case: Case) -> Values:
        top = torch.full((len(case.ask.x),), -1, device=case.ask.x.device)
        slopes = gradient(case.ask.model, case.ask.x, top)[0]
        return function(case.ask.x.cpu().numpy(), slopes.cpu().numpy())

    return run


ALIGNMENT_MEASURE = Measure(
    "alignment",
    "Alignment",
    "How much of the image lies along the gradient of the predicted class, in pixel units.",
    "Etmann et al. 2019, arXiv:1905.04172",
    "higher",
    "3 k",
    _with_slopes(alignment),
    of="network",
    range=(0.0, np.inf),
)

ALIGNMENT_COSINE_MEASURE = Measure(
    "alignment-cosine",
    "Alignment, cosine",
    "The same over the image's length: the cosine of the angle between the image and its gradient, without sign.",
    "Etmann et al. 2019, arXiv:1905.04172, normalised",
    "higher",
    "3 k",
    _with_slopes(alignment_cosine),
    of="network",
)
