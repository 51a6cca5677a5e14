"""SCALE: the energy after an image's features are multiplied by how even they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements
from core.anomaly.shaped_energy import LastLayer, read_last_layer

_SMALL = 0.85


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """The energy of the logits of scaled features (Xu et al. 2024, arXiv:2310.00227, Sec. 3.3).

    All features are multiplied by the exponential of their sum over the sum of the largest 15 % of them; none is taken
    away. The share is its authors' for ImageNet; not tuned.

    Attributes:
        last_layer: what makes logits of features.
    """

    last_layer: LastLayer

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The energy of each image (n,)."""
        return self.last_layer.energy(measured, lambda head: detectors().SCALE(None, head, _SMALL))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The last layer."""
        return self.last_layer.arrays()


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> Scale | None:
    return None if data.training is None else Scale(LastLayer(data.training.last_layer))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> Scale:
    return Scale(read_last_layer(arrays, shape))


SCALE_DETECTOR = Detector(
    "scale",
    "SCALE",
    "Energy of features scaled by their sum over that of the largest 15 % (Xu et al. 2024, arXiv:2310.00227)",
    "baseline",
    _fit,
    _read,
    light=True,
)
