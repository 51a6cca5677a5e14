"""The perceptron as a detector of a calibration: trained on what PGD made of the images that fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from core.anomaly import perceptron
from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores, part_of
from core.anomaly.measurements import MAIN, GradientMeasurements
from core.anomaly.norm_detectors import features
from core.anomaly.perceptron import Perceptron

PERCEPTRON = "perceptron"
TRAINED_SHARE = 0.8
"""Of the images that fit, how many train; the others choose the epoch."""
_ATTACK = "pgd"


@dataclass(frozen=True, slots=True, eq=False)
class FittedPerceptron:
    """The perceptron on the log-norms of all tensors under the main probe."""

    perceptron: Perceptron

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """Its output for each image (n,)."""
        return self.perceptron.score(features(measured.squared[MAIN]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its weights, and what standardises its input."""
        return {f"{PERCEPTRON}/{name}": array for name, array in self.perceptron.arrays().items()}


def _fit(data: FittingData, scores: Mapping[str, Scores]) -> FittedPerceptron | None:
    """An image and its attacked twin are on one side of the cut between training and choosing."""
    attacked = data.attacked.get(_ATTACK)
    if attacked is None:
        return None
    cut = int(TRAINED_SHARE * len(data.normal))
    of_normal, of_attacked = features(data.normal.squared[MAIN]), features(attacked.measured.squared[MAIN])
    early = attacked.index < cut
    if early.all() or not early.any():
        return None
    generator = torch.Generator().manual_seed(data.seed)
    chosen_on = (of_normal[cut:], of_attacked[~early])
    return FittedPerceptron(perceptron.fit(of_normal[:cut], of_attacked[early], chosen_on, generator))


def _read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> FittedPerceptron:
    found = perceptron.from_arrays(part_of(arrays, PERCEPTRON))
    if len(found.mean) != len(shape.weights):
        raise ValueError("the perceptron is not for this network")
    return FittedPerceptron(found)


PERCEPTRON_DETECTOR = Detector(
    PERCEPTRON,
    "Perceptron",
    "Two-layer perceptron on the log-norms, trained on PGD at the task's radius",
    "gradient-supervised",
    _fit,
    _read,
    attacks=(_ATTACK,),
)
