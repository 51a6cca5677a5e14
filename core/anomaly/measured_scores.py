"""Detectors whose score stands in what is measured of an image: the gradients' direction, and the baselines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly.baselines import BASELINES
from core.anomaly.detector import CalibrationShape, Detector, Kind, Scores
from core.anomaly.measurements import GradientMeasurements


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredScore:
    """A score that needs nothing fitted beyond what measuring needs.

    Attributes:
        weights: which tensors are weights of convolutions and linear layers (L,).
        take: the score (n,) from measurements and `weights`.
    """

    weights: NDArray[np.bool_]
    take: Callable[[GradientMeasurements, NDArray[np.bool_]], Scores]

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The score of each image (n,)."""
        return self.take(measured, self.weights)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """None."""
        return {}


def _detector(
    key: str, name: str, title: str, kind: Kind, take: Callable[[GradientMeasurements, NDArray[np.bool_]], Scores]
) -> Detector:
    def read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> MeasuredScore:
        return MeasuredScore(shape.weights, take)

    return Detector(key, name, title, kind, lambda data, scores: MeasuredScore(data.weights, take), read)


def _baseline(key: str, name: str) -> Detector:
    """A baseline, which a calibration lacks where it was not measured, see `core.anomaly.baselines.Baselines`."""
    one = _detector(key, name, BASELINES[key], "baseline", lambda measured, weights: measured.baselines[key])
    return replace(one, fit=lambda data, scores: one.fit(data, scores) if key in data.normal.baselines else None)


DIRECTION_DETECTOR = _detector(
    "direction",
    "Direction",
    "How far the gradients' directions are from the mean one, 1 - cosine",
    "gradient-unsupervised",
    lambda measured, weights: measured.misaligned[:, weights].mean(1, dtype=np.float64),
)
MSP_DETECTOR = _baseline("msp", "Max. softmax")
ENERGY_DETECTOR = _baseline("energy", "Energy")
ODIN_DETECTOR = _baseline("odin", "ODIN")
MAHALANOBIS_DETECTOR = _baseline("mahalanobis", "Mahalanobis")
VIM_DETECTOR = _baseline("vim", "ViM")
GRADNORM_DETECTOR = _baseline("gradnorm", "GradNorm")
