"""Linearised robustness: how far another class is, if the network were linear."""

import numpy as np

from core.saliency.linearised import linearised_robustness
from core.saliency.measures.measure import Measure

LINEARISED_ROBUSTNESS_MEASURE = Measure(
    "linearised-robustness",
    "Linearised robustness",
    "How far away another class is (L2, pixel units), if the network were linear from here on.",
    "Etmann et al. 2019, arXiv:1905.04172",
    "higher",
    "2 k a class",
    lambda case: linearised_robustness(case.ask.model, case.ask.x).cpu().double().numpy(),
    of="network",
    range=(0.0, np.inf),
)
