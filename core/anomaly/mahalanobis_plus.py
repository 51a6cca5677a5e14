"""Mahalanobis++: the distance to the nearest class, of features at unit length."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from core.anomaly import class_gaussians
from core.anomaly.class_gaussians import ClassGaussians, unit_length
from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores, part_of
from core.anomaly.measurements import GradientMeasurements

_KEY = "mahalanobis-plus"


@dataclass(frozen=True, slots=True, eq=False)
class MahalanobisPlus:
    """The squared distance to the nearest class under one covariance, all features divided by their length.

    Mueller, Hein 2025 (arXiv:2505.18032), Sec. 4: lengths of features differ between classes, so that the Gaussians of
    Lee et al. 2018 fit badly; at unit length they fit, and nothing else changes.

    Attributes:
        gaussians: of the unit features of training images.
    """

    gaussians: ClassGaussians

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The distance of each image (n,)."""
        nearest: Scores = self.gaussians.distances(unit_length(measured.features)).min(1)
        return nearest

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Those of the Gaussians."""
        return {f"{_KEY}/{name}": array for name, array in self.gaussians.arrays().items()}


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> MahalanobisPlus | None:
    if data.training is None:
        return None
    return MahalanobisPlus(class_gaussians.fit(unit_length(data.training.features), data.training.labels))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> MahalanobisPlus:
    return MahalanobisPlus(class_gaussians.from_arrays(part_of(arrays, _KEY), shape.classes, shape.features))


MAHALANOBIS_PLUS_DETECTOR = Detector(
    _KEY,
    "Mahalanobis++",
    "Mahalanobis distance to the nearest class, of features at unit length (Mueller, Hein 2025, arXiv:2505.18032)",
    "baseline",
    _fit,
    _read,
    light=True,
)
