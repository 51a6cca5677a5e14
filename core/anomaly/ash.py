"""ASH: the energy after all but an image's largest features are taken away, and what is left is sharpened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements
from core.anomaly.shaped_energy import LastLayer, read_last_layer

_PRUNED = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Ash:
    """The energy of the logits of pruned and sharpened features (Djurisic et al. 2023, arXiv:2209.09858, Alg. 3).

    ASH-S: the smallest 90 % of an image's features become zero, the others are multiplied by the exponential of the sum
    before over the sum after. The share is its authors' for CIFAR-10; not tuned.

    Attributes:
        last_layer: what makes logits of features.
    """

    last_layer: LastLayer

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The energy of each image (n,)."""
        return self.last_layer.energy(measured, lambda head: detectors().ASH(None, head, "ash-s", _PRUNED))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The last layer."""
        return self.last_layer.arrays()


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> Ash | None:
    return None if data.training is None else Ash(LastLayer(data.training.last_layer))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> Ash:
    return Ash(read_last_layer(arrays, shape))


ASH_DETECTOR = Detector(
    "ash",
    "ASH",
    "Energy of the largest tenth of the features, sharpened: ASH-S (Djurisic et al. 2023, arXiv:2209.09858)",
    "baseline",
    _fit,
    _read,
    light=True,
)
