"""Two detectors in one score: the norms under all classes, and those under the network's own answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.measurements import GradientMeasurements

COMBINED = "combined"
COMBINED_OF = ("softmax", "predicted")
_TINY = 1e-12
_FLOOR = -1.0  # an answer can't be sure enough to make up for a large distance


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """The logarithm of `softmax` and `predicted`, each standardised, summed (ours).

    Attributes:
        scale: mean and deviation of the two over the images that fitted (2, 2).
    """

    scale: NDArray[np.float64]

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The sum (n,); the second part counts from one deviation below its mean."""
        distance, total = ((_parts(scores) - self.scale[0]) / self.scale[1]).T
        summed: Scores = distance + np.maximum(total, _FLOOR)
        return summed

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The scale."""
        return {"scale": self.scale}


def _parts(scores: Mapping[str, Scores]) -> NDArray[np.float64]:
    """What is added up (n, 2): a distance is at least zero and has a long tail, a sum of logarithms has not."""
    distance, total = (scores[key] for key in COMBINED_OF)
    return np.stack([np.log(np.maximum(distance, _TINY)), total], 1)


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> Combined:
    parts = _parts(scores)
    return Combined(np.stack([parts.mean(0), np.maximum(parts.std(0), _TINY)]))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> Combined:
    scale = arrays["scale"]
    if scale.shape != (2, 2) or not (scale[1] > 0).all():
        raise ValueError("the scale is not for this network")
    return Combined(scale)


COMBINED_DETECTOR = Detector(
    COMBINED,
    "Softmax + own answer",
    "The logarithm of `softmax` and `predicted`, each standardised, summed (ours)",
    "gradient-unsupervised",
    _fit,
    _read,
    COMBINED_OF,
)
