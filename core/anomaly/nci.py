"""NCI: how near an image's features lie to the weights of the class predicted, and how large they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.measurements import GradientMeasurements
from core.anomaly.shaped_energy import LastLayer, read_last_layer

_MEAN = "nci/mean"
_NORM_WEIGHT = 0.01
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Nci:
    """The part of an image's centred features along the predicted class's weights, and their size, both negated.

    Liu, Qin 2025 (CVPR, arXiv:2311.01479): with features h, their mean g over training images and the last layer's
    weights w of the class predicted, `w . (h - g) / ||h - g|| + alpha ||h||_1` is large for what is normal. Of the
    paper the abstract could be read; this follows the postprocessor that OpenOOD has of it, with the authors' choice of
    alpha, 0.0001, 0.001, 0.01 or 0.1, on a validation set; 0.01 is the best of these on transformed pictures of `val`
    (CIFAR-10's `standard`, those of `core.anomaly.joint_choice`; mean AUROC 0.876, 0.878, 0.886 and 0.877), and holds
    for the networks of all tasks.

    Attributes:
        last_layer: whose weights are meant.
        mean: of the features of training images (D,).
    """

    last_layer: LastLayer
    mean: NDArray[np.float32]

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The negated sum of each image (n,)."""
        features = measured.features.astype(np.float64)
        centred, towards = features - self.mean, self.last_layer.weight[measured.predicted].astype(np.float64)
        length = np.maximum(np.linalg.norm(centred, axis=1), _TINY)
        nearness: Scores = (towards * centred).sum(1) / length + _NORM_WEIGHT * np.abs(features).sum(1)
        return -nearness

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Both."""
        return {_MEAN: self.mean, **self.last_layer.arrays()}


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> Nci | None:
    if data.training is None:
        return None
    mean = data.training.features.mean(0, dtype=np.float64)
    return Nci(LastLayer(data.training.last_layer), mean.astype(np.float32))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> Nci:
    last_layer, mean = read_last_layer(arrays, shape), arrays[_MEAN]
    if mean.shape != (shape.features,):
        raise ValueError("the mean is not for this network")
    return Nci(last_layer, mean)


NCI_DETECTOR = Detector(
    "nci",
    "NCI",
    "Centred features along the predicted class's weights, and their L1 norm, negated (Liu, Qin 2025, "
    "arXiv:2311.01479)",
    "baseline",
    _fit,
    _read,
    light=True,
)
