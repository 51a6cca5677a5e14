"""Sparsity: how unevenly the map is spread."""

from core.metrics.sparsity import gini
from core.saliency.measures.measure import Measure, map_by_map

SPARSITY_MEASURE = Measure(
    "sparsity",
    "Sparsity",
    "The Gini index of the map's absolute values: 0 is even, near 1 a few places hold everything.",
    "Chalasani et al. 2020, arXiv:1810.06583",
    "neither",
    "none",
    lambda case: map_by_map(gini, case.heatmaps),
)
