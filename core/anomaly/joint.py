"""Joint: an image's gradients, its features and its answer in one score."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.measurements import GradientMeasurements

_SCALE = "joint/scale"
_TINY = 1e-12
_DISTANCES = ("norms-all", "mahalanobis-plus")  # squared distances: at least zero, with a long tail

Weights = Mapping[str, float]
"""By key of a detector how much of its standardised score is added."""

CHOSEN: Weights = {"norms-all": 0.25, "fdbd": 0.25, "gen": 1.0}
"""Chosen once, before any set of the report `anomaly` was scored with it: of 27 candidates the best mean AUROC on
pictures of CIFAR-10's `val` that were turned, mixed, cut up or corrupted, by its network `standard`; it holds for the
networks of all tasks. See `core.anomaly.joint_choice`; `robustscope choose-joint --task cifar10 --model standard`
ranks them again."""


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Scores, distances as logarithms, each standardised, weighted and summed (ours).

    Attributes:
        weights: of the members.
        scale: mean and deviation of the members over the images that fitted (2, M).
    """

    weights: Weights
    scale: NDArray[np.float64]

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The sum (n,)."""
        return self.total(scores)

    def total(self, scores: Mapping[str, Scores]) -> Scores:
        """The sum (n,) of the members' `scores`."""
        z = (_parts(scores, self.weights) - self.scale[0]) / self.scale[1]
        total: Scores = z @ np.array([*self.weights.values()])
        return total

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The scale."""
        return {_SCALE: self.scale}


def fit(scores: Mapping[str, Scores], weights: Weights) -> Joint:
    """The joint detector with these weights, standardised by the members' scores of normal images."""
    parts = _parts(scores, weights)
    return Joint(weights, np.stack([parts.mean(0), np.maximum(parts.std(0), _TINY)]))


def _parts(scores: Mapping[str, Scores], weights: Weights) -> NDArray[np.float64]:
    """What is added up (n, M)."""
    return np.stack(
        [np.log(np.maximum(scores[key], _TINY)) if key in _DISTANCES else scores[key] for key in weights], 1
    )


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> Joint | None:
    return fit(scores, CHOSEN) if {*CHOSEN} <= {*scores} else None


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> Joint:
    scale = arrays[_SCALE]
    if scale.shape != (2, len(CHOSEN)) or not (scale[1] > 0).all():
        raise ValueError("the scale is not for this detector")
    return Joint(CHOSEN, scale)


JOINT_DETECTOR = Detector(
    "joint",
    "Joint",
    "Gradient norms of all tensors, fDBD and GEN, each standardised, weighted and summed (ours)",
    "joint",
    _fit,
    _read,
    tuple(CHOSEN),
    light=True,
)
