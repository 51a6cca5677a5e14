"""Attributions brought to a common range."""

import torch
from torch import Tensor


def min_max(attributions: Tensor) -> Tensor:
    """Each image's attributions (B, ...) moved and stretched to [0, 1]; zero where an image's are all the same."""
    flat = attributions.flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    span = high - low
    return torch.where(span > 0, (flat - low) / torch.where(span > 0, span, 1.0), 0.0).view_as(attributions)
