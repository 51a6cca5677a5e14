"""GEN: a generalised entropy of the class probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from core.anomaly.detector import Detector, Scores
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements


@dataclass(frozen=True, slots=True, eq=False)
class Gen:
    """The mean over classes of `(p (1 - p)) ** 0.1` (Liu, Lochman, Zach 2023, CVPR, eq. (5)), as pytorch-ood has it.

    All classes count, and the exponent is the paper's: nothing is fitted or tuned.
    """

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The entropy of each image (n,)."""
        entropy: Scores = detectors().GEN(None).predict_logits(torch.from_numpy(measured.logits).double()).numpy()
        return entropy

    def arrays(self) -> dict[str, NDArray[Any]]:
        """None."""
        return {}


GEN_DETECTOR = Detector(
    "gen",
    "GEN",
    "Generalised entropy of the softmax, exponent 0.1 (Liu, Lochman, Zach 2023, CVPR)",
    "baseline",
    lambda data, scores: Gen(),
    lambda arrays, shape: Gen(),
    light=True,
)
