"""The measures that say which maps to trust, by name, and the one call that all measures share."""

from collections.abc import Mapping

import numpy as np

from core.errors import InputError, choice_of
from core.saliency.measures.alignment import ALIGNMENT_COSINE_MEASURE, ALIGNMENT_MEASURE
from core.saliency.measures.curve_area import DELETION_MEASURE, INSERTION_MEASURE
from core.saliency.measures.infidelity import INFIDELITY_MEASURE
from core.saliency.measures.linearised_robustness import LINEARISED_ROBUSTNESS_MEASURE
from core.saliency.measures.mass_inside import MASS_INSIDE_MEASURE
from core.saliency.measures.max_sensitivity import MAX_SENSITIVITY_MEASURE
from core.saliency.measures.measure import Case, Measure, Values
from core.saliency.measures.pointing_game import POINTING_GAME_MEASURE
from core.saliency.measures.randomised_weights import RANDOMISATION_MEASURE
from core.saliency.measures.sparsity import SPARSITY_MEASURE
from core.saliency.measures.stability_attack import STABILITY_ATTACK_MEASURE
from core.saliency.measures.stability_noise import STABILITY_NOISE_MEASURE

_MEASURES = (
    ALIGNMENT_MEASURE,
    ALIGNMENT_COSINE_MEASURE,
    LINEARISED_ROBUSTNESS_MEASURE,
    INSERTION_MEASURE,
    DELETION_MEASURE,
    INFIDELITY_MEASURE,
    MAX_SENSITIVITY_MEASURE,
    STABILITY_NOISE_MEASURE,
    STABILITY_ATTACK_MEASURE,
    RANDOMISATION_MEASURE,
    POINTING_GAME_MEASURE,
    MASS_INSIDE_MEASURE,
    SPARSITY_MEASURE,
)
SALIENCY_MEASURES: Mapping[str, Measure] = {measure.key: measure for measure in _MEASURES}
"""By the key used in files and URLs; menus, titles and reports are read from it."""

_WORDS = {"inside": "the object's place", "x_adv": "attacked images"}


def run_measure(key: str, case: Case) -> Values:
    """One number an image (B,); NaN where the measure has no meaning for it, as none has for a map of zeros.

    Raises:
        ConfigError: no such measure.
        InputError: the case lacks what the measure needs.
    """
    measure = SALIENCY_MEASURES[choice_of("measure", SALIENCY_MEASURES, key)]
    if measure.needs != "nothing" and getattr(case, measure.needs) is None:
        raise InputError(f"{measure.title} needs {_WORDS[measure.needs]}")
    values = np.asarray(measure.run(case), np.float64)
    if measure.of == "network":
        return values
    return np.where(case.attributions.flatten(1).any(1).cpu().numpy(), values, np.nan)


def measures_of_maps() -> tuple[str, ...]:
    """Keys of the measures of maps: those that hang on the method."""
    return tuple(key for key, measure in SALIENCY_MEASURES.items() if measure.of == "map")
