"""ReAct: the energy after features are cut off at what few of the training images' features exceed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements
from core.anomaly.shaped_energy import LastLayer, read_last_layer

_LIMIT = "react/limit"
_SHARE = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class React:
    """The energy of the logits of `min(features, limit)` (Sun, Guo, Li 2021, arXiv:2111.12797, eq. (1)).

    Attributes:
        last_layer: what makes logits of features.
        limit: the 90 % point of all features of training images, the paper's choice; not tuned.
    """

    last_layer: LastLayer
    limit: float

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The energy of each image (n,)."""
        return self.last_layer.energy(measured, lambda head: detectors().ReAct(None, head, threshold=self.limit))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The limit, and the last layer."""
        return {_LIMIT: np.array(self.limit), **self.last_layer.arrays()}


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> React | None:
    if data.training is None:
        return None
    return React(LastLayer(data.training.last_layer), float(np.quantile(data.training.features, _SHARE)))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> React:
    return React(read_last_layer(arrays, shape), float(arrays[_LIMIT]))


REACT_DETECTOR = Detector(
    "react",
    "ReAct",
    "Energy of features cut off at the 90 % point of training features (Sun, Guo, Li 2021, arXiv:2111.12797)",
    "baseline",
    _fit,
    _read,
    light=True,
)
