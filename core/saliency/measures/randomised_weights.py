"""Randomised weights: whether the map depends on what the network has learned."""

from core.saliency.measures.measure import Case, Measure, Values
from core.saliency.randomisation import without_weights


def _randomised(case: Case) -> Values:
    return without_weights(case.method, case.again(case.ask.x), case.heatmaps, case.seed).similarity


RANDOMISATION_MEASURE = Measure(
    "randomisation",
    "Randomised weights",
    "The rank correlation of the absolute map with that of the same network after it lost all its weights.",
    "Adebayo et al. 2018, arXiv:1810.03292, Sec. 4.1",
    "lower",
    "1 m",
    _randomised,
    range=(-1.0, 1.0),
)
