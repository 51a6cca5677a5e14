"""Energy of the logits that features give when they are changed first: what ReAct, ASH and SCALE share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements

Head = Callable[[Tensor], Tensor]
"""Feature maps of one place (n, D, 1, 1) to logits (n, K)."""
LAST_LAYER = "last-layer"
"""The array of the last layer's weights, which the detectors of this kind share in a calibration's file."""


@dataclass(frozen=True, slots=True, eq=False)
class LastLayer:
    """The last layer's weights (K, D), float32; logits as measured stand for its bias."""

    weight: NDArray[np.float32]

    def energy(self, measured: GradientMeasurements, detector: Callable[[Head], Any]) -> NDArray[np.float64]:
        """The negative log-sum of the changed logits' exponentials (n,), by a detector of pytorch-ood.

        Args:
            measured: of n images.
            detector: the library's, of the function that it is to have as its head.
        """
        features = torch.from_numpy(measured.features).double()
        logits = torch.from_numpy(measured.logits).double()
        weight = torch.from_numpy(self.weight).double()
        shaped = detector(lambda maps: logits + (maps.flatten(1) - features) @ weight.T)
        found = shaped.predict_feature_maps(features[:, :, None, None])
        plain = detectors().EnergyBased.score(logits)
        # Features that are all zero have no shape: a share of nothing.
        energy: NDArray[np.float64] = torch.where(found.isfinite(), found, plain).numpy()
        return energy

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights."""
        return {LAST_LAYER: self.weight}


def read_last_layer(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> LastLayer:
    """The last layer that `LastLayer.arrays` took apart.

    Raises:
        KeyError: it is missing.
        ValueError: it is not of this size.
    """
    weight = arrays[LAST_LAYER]
    if weight.shape != (shape.classes, shape.features) or shape.features == 0 or weight.dtype.kind != "f":
        raise ValueError("the last layer is not that of this network")
    return LastLayer(weight.astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class ShapedEnergy:
    """A detector of nothing but the last layer.

    Attributes:
        last_layer: what makes logits of features.
        by: the library's detector that changes the features, of its head.
    """

    last_layer: LastLayer
    by: Callable[[Head], Any]

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The energy of each image (n,)."""
        return self.last_layer.energy(measured, self.by)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The last layer."""
        return self.last_layer.arrays()


def shaped_detector(key: str, name: str, title: str, by: Callable[[Head], Any]) -> Detector:
    """The entry of the catalogue for a change of features that has nothing to fit."""

    def fit(data: FittingData, scores: Mapping[str, Scores]) -> ShapedEnergy | None:
        return None if data.training is None else ShapedEnergy(LastLayer(data.training.last_layer), by)

    def read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> ShapedEnergy:
        return ShapedEnergy(read_last_layer(arrays, shape), by)

    return Detector(key, name, title, "baseline", fit, read, light=True)
