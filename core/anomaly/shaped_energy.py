"""Energy of the logits that features give when they are changed first: what ReAct, ASH and SCALE share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly.detector import CalibrationShape
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements

LAST_LAYER = "last-layer"
"""The array of the last layer's weights, which the detectors of this kind share in a calibration's file."""


@dataclass(frozen=True, slots=True, eq=False)
class LastLayer:
    """The last layer's weights (K, D), float32; logits as measured stand for its bias."""

    weight: NDArray[np.float32]

    def energy(
        self, measured: GradientMeasurements, detector: Callable[[Callable[[Tensor], Tensor]], Any]
    ) -> NDArray[np.float64]:
        """The negative log-sum of the changed logits' exponentials (n,), by a detector of pytorch-ood.

        Args:
            measured: of n images.
            detector: the library's, of the function that it is to have as its head; it is given feature maps of one
                place (n, D, 1, 1).
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
