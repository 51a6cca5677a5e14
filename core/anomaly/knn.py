"""kNN: how far an image's features are from their k-th neighbour among training images, at unit length."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly.class_gaussians import unit_length
from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.measurements import GradientMeasurements

_BANK = "knn/bank"
_IMAGES = 1_000
_NEIGHBOUR = 10
_LEVELS = 127


@dataclass(frozen=True, slots=True, eq=False)
class Knn:
    """The Euclidean distance to the k-th nearest of the training images' features (Sun et al. 2022, arXiv:2204.06507).

    Features are divided by their length (Sec. 3). The first 1,000 training images are kept, a sample as in Sec. 4.2,
    and k is 10: not tuned, as 1 to 10 of 1,000 and 50 of 5,000 find transformed pictures of `val` equally well. A
    feature takes one byte, which moves distances by about a hundredth.

    Attributes:
        bank: unit features of training images (m, D), in whole numbers from -127 to 127 of a common unit.
    """

    bank: NDArray[np.int8]

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The distance of each image (n,), in [0, 2]."""
        nearness = unit_length(measured.features) @ unit_length(self.bank.astype(np.float64)).T
        at = min(_NEIGHBOUR, len(self.bank))
        kth = -np.partition(-nearness, at - 1, axis=1)[:, at - 1]
        distance: Scores = np.sqrt(np.maximum(2 - 2 * kth, 0.0))
        return distance

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The bank."""
        return {_BANK: self.bank}


def in_bytes(unit: NDArray[np.float64]) -> NDArray[np.int8]:
    """Unit features (m, D) in whole numbers from -127 to 127 of a common unit."""
    levels: NDArray[np.int8] = (unit / max(np.abs(unit).max(), 1e-12) * _LEVELS).round().astype(np.int8)
    return levels


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> Knn | None:
    if data.training is None:
        return None
    return Knn(in_bytes(unit_length(data.training.features[:_IMAGES])))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> Knn:
    bank = arrays[_BANK]
    if bank.dtype != np.int8 or bank.ndim != 2 or len(bank) == 0 or bank.shape[1] != shape.features:
        raise ValueError("the neighbours are not for this network")
    return Knn(bank)


KNN_DETECTOR = Detector(
    "knn",
    "kNN",
    "Distance to the tenth of 1,000 training images, of features at unit length (Sun et al. 2022, arXiv:2204.06507)",
    "baseline",
    _fit,
    _read,
    light=True,
)
