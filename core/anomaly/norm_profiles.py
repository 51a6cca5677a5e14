"""The unsupervised detectors on gradient norms: which norms each sees, and the distance that is its score."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.anomaly import norm_detectors
from core.anomaly.detector import CalibrationShape, Detector, FittingData, Scores, part_of
from core.anomaly.measurements import MAIN, GradientMeasurements
from core.anomaly.norm_detectors import Distance, ProfileDetector, features


@dataclass(frozen=True, slots=True)
class Profile:
    """Which gradient norms a detector sees, and what it makes of them.

    Attributes:
        probes: whose norms stand side by side, keys of `core.anomaly.measurements.PROBES`.
        every: BatchNorm and biases, too; otherwise weights of convolutions and linear layers alone.
        log: logarithms of the norms.
        distance: see `core.anomaly.norm_detectors`.
        by_class: normal images have a mean for each class predicted.
    """

    probes: tuple[str, ...] = (MAIN,)
    every: bool = False
    log: bool = True
    distance: Distance = "mahalanobis"
    by_class: bool = False

    def values(self, measured: GradientMeasurements, weights: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the detector sees of n images (n, columns); `weights` as in `CalibrationShape`."""
        chosen = slice(None) if self.every else weights
        return np.concatenate([features(measured.squared[name][:, chosen], self.log) for name in self.probes], 1)


@dataclass(frozen=True, slots=True, eq=False)
class FittedProfile:
    """A profile with the distance that was fitted to it.

    Attributes:
        key: of the detector.
        profile: what it sees.
        weights: which tensors are weights (L,).
        distance: what normal values look like.
    """

    key: str
    profile: Profile
    weights: NDArray[np.bool_]
    distance: ProfileDetector

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The distance of each image (n,) from normal ones."""
        return self.distance.score(self.profile.values(measured, self.weights), measured.predicted)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Those of the distance."""
        return {f"profiles/{self.key}/{name}": array for name, array in self.distance.arrays().items()}


def _detector(key: str, name: str, title: str, profile: Profile) -> Detector:
    def fit(data: FittingData, scores: Mapping[str, Scores]) -> FittedProfile:
        predicted = data.normal.predicted if profile.by_class else None
        values = profile.values(data.normal, data.weights)
        fitted = norm_detectors.fit(values, profile.distance, predicted, data.classes)
        return FittedProfile(key, profile, data.weights, fitted)

    def read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> FittedProfile:
        distance = norm_detectors.from_arrays(part_of(arrays, f"profiles/{key}"))
        wide = len(profile.probes) * (len(shape.weights) if profile.every else int(shape.weights.sum()))
        rows = shape.classes if profile.by_class else 1
        if distance.distance != profile.distance or distance.mean.shape != (rows, wide):
            raise ValueError(f"the detector {key} is not for this network")
        return FittedProfile(key, profile, shape.weights, distance)

    light = profile.probes == (MAIN,)
    return Detector(key, name, title, "gradient-unsupervised", fit, read, light=light)


NORMS_DETECTOR = _detector(
    "norms",
    "Norms, weights",
    "Log-norms of the weights' gradients under the all-ones label, Mahalanobis distance",
    Profile(),
)
NORMS_ALL_DETECTOR = _detector(
    "norms-all",
    "Norms, all tensors",
    "Log-norms of all tensors, BatchNorm and biases too, under the all-ones label, Mahalanobis distance",
    Profile(every=True),
)
NORMS_RAW_DETECTOR = _detector(
    "norms-raw", "Norms, raw", "Norms as they are, without logarithms, Mahalanobis distance", Profile(log=False)
)
LARGEST_DETECTOR = _detector(
    "largest",
    "Largest deviation",
    "The largest deviation of a tensor's log-norm",
    Profile(every=True, distance="z-max"),
)
SUM_DETECTOR = _detector(
    "sum",
    "Sum of norms",
    "The sum of the norms. That larger is odd is an assumption, and wrong for many odd pictures. The papers train a "
    "detector instead; this is pytorch-ood's score, here on sigmoids",
    Profile(log=False, distance="sum"),
)
SOFTMAX_DETECTOR = _detector(
    "softmax",
    "Norms, softmax",
    "Log-norms under all-ones on the softmax, around the mean of the class predicted, Mahalanobis distance",
    Profile(("softmax",), every=True, by_class=True),
)
PREDICTED_DETECTOR = _detector(
    "predicted",
    "Norms, own answer",
    "The sum of the log-norms under the class predicted, cross-entropy",
    Profile(("predicted",), every=True, distance="sum"),
)
