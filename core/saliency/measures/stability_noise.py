"""Stability under noise: whether the map stays what it is when the image gets some noise."""

import torch

from core.draws import gaussian
from core.saliency.measures.measure import Case, Measure, Values, stability

NOISE = 0.02
"""Deviation of the noise, in the [0, 1] range."""


def _under_noise(case: Case) -> Values:
    x = case.ask.x
    generator = torch.Generator().manual_seed(case.seed)
    noise = NOISE * gaussian(x.shape, generator, x)
    return stability(case, (x + noise).clamp(0.0, 1.0))


STABILITY_NOISE_MEASURE = Measure(
    "stability-noise",
    "Stability under noise",
    "The rank correlation of the map with the map of the image plus noise of deviation 0.02.",
    "Alvarez-Melis, Jaakkola 2018, arXiv:1806.08049, by rank correlation",
    "higher",
    "1 m",
    _under_noise,
    range=(-1.0, 1.0),
)
