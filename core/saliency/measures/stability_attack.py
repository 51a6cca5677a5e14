"""Stability under attack: whether the map stays what it is when the image is attacked."""

from core.saliency.measures.measure import Case, Measure, Values, stability


def _under_attack(case: Case) -> Values:
    assert case.x_adv is not None
    return stability(case, case.x_adv)


STABILITY_ATTACK_MEASURE = Measure(
    "stability-attack",
    "Stability under attack",
    "The rank correlation of the map with the map of the image after a small attack, the class explained kept.",
    "Ghorbani et al. 2019, arXiv:1710.10547, by rank correlation",
    "higher",
    "1 m",
    _under_attack,
    needs="x_adv",
    range=(-1.0, 1.0),
)
