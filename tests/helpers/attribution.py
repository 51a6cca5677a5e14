"""Requests for attributions, each with a generator of its own."""

import torch

from core.saliency.method import AttributionRequest


def generator(seed: int = 0) -> torch.Generator:
    """A generator with this seed."""
    return torch.Generator().manual_seed(seed)


def ask(model, x, target, seed=0) -> AttributionRequest:
    """A request whose draws come from this seed."""
    return AttributionRequest(model, x, target, generator(seed))
