"""RMD: how much farther an image's features are from the nearest class than from training images as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly import class_gaussians
from core.anomaly.class_gaussians import ClassGaussians
from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores, part_of
from core.anomaly.measurements import GradientMeasurements

_KEY = "rmd"


@dataclass(frozen=True, slots=True, eq=False)
class Rmd:
    """The relative Mahalanobis distance `min_k d_k - d_0` (Ren et al. 2021, arXiv:2106.09022, Sec. 3).

    `d_k` is the squared distance to class k under one covariance, `d_0` that under a single Gaussian of all classes;
    features are taken as they are.

    Attributes:
        classes: Gaussians of the classes.
        background: the Gaussian of all, a single class.
    """

    classes: ClassGaussians
    background: ClassGaussians

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The difference of each image (n,); it may be negative."""
        nearest: Scores = self.classes.distances(measured.features).min(1)
        return nearest - self.background.distances(measured.features)[:, 0]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Those of the Gaussians."""
        parts = {"classes": self.classes, "background": self.background}
        return {f"{_KEY}/{part}/{name}": array for part, of in parts.items() for name, array in of.arrays().items()}


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> Rmd | None:
    if data.training is None:
        return None
    features, labels = data.training.features, data.training.labels
    return Rmd(class_gaussians.fit(features, labels), class_gaussians.fit(features, np.zeros_like(labels)))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> Rmd:
    classes = class_gaussians.from_arrays(part_of(arrays, f"{_KEY}/classes"), shape.classes, shape.features)
    return Rmd(classes, class_gaussians.from_arrays(part_of(arrays, f"{_KEY}/background"), 1, shape.features))


RMD_DETECTOR = Detector(
    _KEY,
    "RMD",
    "Mahalanobis distance to the nearest class, less that to all training images (Ren et al. 2021, arXiv:2106.09022)",
    "baseline",
    _fit,
    _read,
    light=True,
)
