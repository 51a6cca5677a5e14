"""fDBD: how far an image's features are from the decision boundaries, for their distance to the mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.measurements import GradientMeasurements

_MEAN, _APART = "fdbd/mean", "fdbd/apart"
_TINY = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Fdbd:
    """The mean distance to the boundaries with the other classes over that to the training mean, negated.

    Liu, Qin 2024 (arXiv:2312.11536), eq. (4) and (5): the distance of features to the boundary between the class
    predicted and class k is at least `|z_pred - z_k| / ||w_pred - w_k||`.

    Attributes:
        mean: of the features of training images (D,).
        apart: `||w_i - w_j||` of the last layer's weights (K, K), 1 on the diagonal.
    """

    mean: NDArray[np.float32]
    apart: NDArray[np.float32]

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The distance of each image (n,), at most 0."""
        logits = measured.logits.astype(np.float64)
        boundaries = (logits.max(1, keepdims=True) - logits) / self.apart[measured.predicted]
        from_mean = np.linalg.norm(measured.features.astype(np.float64) - self.mean, axis=1)
        score: Scores = -boundaries.sum(1) / ((logits.shape[1] - 1) * np.maximum(from_mean, _TINY))
        return score

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Both."""
        return {_MEAN: self.mean, _APART: self.apart}


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> Fdbd | None:
    if data.training is None:
        return None
    weights = data.training.last_layer.astype(np.float64)
    apart = np.linalg.norm(weights[:, None] - weights[None], axis=2)
    np.fill_diagonal(apart, 1.0)
    mean = data.training.features.mean(0, dtype=np.float64)
    return Fdbd(mean.astype(np.float32), np.maximum(apart, _TINY).astype(np.float32))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> Fdbd:
    mean, apart = arrays[_MEAN], arrays[_APART]
    if mean.shape != (shape.features,) or apart.shape != (shape.classes, shape.classes) or not (apart > 0).all():
        raise ValueError("the boundaries are not for this network")
    return Fdbd(mean, apart)


FDBD_DETECTOR = Detector(
    "fdbd",
    "fDBD",
    "Distance to the decision boundaries over that to the mean feature, negated (Liu, Qin 2024, arXiv:2312.11536)",
    "baseline",
    _fit,
    _read,
    light=True,
)
