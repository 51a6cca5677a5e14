"""Max-sensitivity: how much the map changes at most when the image changes a little."""

import numpy as np
from torch import Tensor

from core.saliency.catalogue import attribute
from core.saliency.faithfulness import CHANGES, max_sensitivity
from core.saliency.measures.measure import Case, Measure, Values


def _max_sensitivity(case: Case) -> Values:
    def explain(x: Tensor, target: Tensor) -> Tensor:
        return attribute(case.method, case.again(x, target))

    return max_sensitivity(explain, case.ask.x, case.ask.target, case.seed).cpu().numpy()


MAX_SENSITIVITY_MEASURE = Measure(
    "max-sensitivity",
    "Max-sensitivity",
    "The largest change of the map, relative to its length, when the image changes by at most 0.02.",
    "Yeh et al. 2019, arXiv:1901.09392, Def. 3.1",
    "lower",
    f"{CHANGES} m",
    _max_sensitivity,
    range=(0.0, np.inf),
)
