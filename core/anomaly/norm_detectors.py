"""Unsupervised detectors: how far an image's gradient norms, layer by layer, lie from those of normal images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, InputError

Distance = Literal["mahalanobis", "z-max", "sum"]
DISTANCES: tuple[Distance, ...] = ("mahalanobis", "z-max", "sum")

_TINY = 1e-12
_FEWEST = 5  # images a class needs for a mean of its own


def features(squared: NDArray[np.floating], log: bool = True) -> NDArray[np.float64]:
    """What detectors see of squared norms (n, L): `log10(s + 1e-12)`, or the norms raw, as in the papers."""
    values = squared.astype(np.float64)
    return np.log10(values + _TINY) if log else values


@dataclass(frozen=True, slots=True, eq=False)
class ProfileDetector:
    """What normal profiles look like, and the distance that is the score; build it with `fit`.

    Attributes:
        distance: "mahalanobis": squared distance to the mean, covariance by Ledoit, Wolf 2004 on values in units of
            their deviation. "z-max": the largest deviation of a layer, in units of its own, either way. "sum": the sum
            of the values itself; of norms it is the untrained score of pytorch-ood, not of the papers, which train a
            detector. Larger counts as more anomalous: that is not given by theory, and an AUROC under one half says
            that it is the other way round.
        mean: (M, L), one row, or one a predicted class.
        deviation: (L,) around the means.
        precision: (L, L), of values in units of `deviation`.
    """

    distance: Distance
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    precision: NDArray[np.float64]

    def score(self, values: NDArray[np.floating], predicted: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
        """The score (B,), higher is more anomalous.

        Args:
            values: (B, L), made as those that `fit` was given.
            predicted: the class predicted for each image (B,); needed where there is a mean a class.

        Raises:
            InputError: another number of layers, or no predictions where they are needed.
        """
        if values.ndim != 2 or values.shape[1] != self.mean.shape[1]:
            raise InputError(f"the detector knows {self.mean.shape[1]} values an image; got an array {values.shape}")
        if self.distance == "sum":
            total: NDArray[np.float64] = values.astype(np.float64).sum(1)
            return total
        z = (values - _means(self.mean, predicted, len(values))) / self.deviation
        if self.distance == "z-max":
            farthest: NDArray[np.float64] = np.abs(z).max(1)
            return farthest
        squared: NDArray[np.float64] = np.einsum("bi,ij,bj->b", z, self.precision, z)
        return squared

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, for an npz file."""
        return {
            "distance": np.array(self.distance),
            "mean": self.mean,
            "deviation": self.deviation,
            "precision": self.precision,
        }


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> ProfileDetector:
    """The detector that `ProfileDetector.arrays` took apart.

    Raises:
        InputError: arrays are missing, or don't fit together.
    """
    try:
        distance = str(arrays["distance"])
        mean, deviation, precision = (np.asarray(arrays[key], np.float64) for key in ("mean", "deviation", "precision"))
    except (KeyError, ValueError) as error:
        raise InputError(f"this is no profile detector: {error}") from error
    fits = mean.ndim == 2 and deviation.shape == mean.shape[1:] and precision.shape == 2 * deviation.shape
    for known in DISTANCES:
        if known == distance and fits:
            return ProfileDetector(known, mean, deviation, precision)
    raise InputError(
        f"this is no profile detector: distance {distance!r}, mean {mean.shape}, precision {precision.shape}"
    )


def fit(
    values: NDArray[np.floating],
    distance: Distance = "mahalanobis",
    predicted: NDArray[np.integer] | None = None,
    classes: int = 1,
) -> ProfileDetector:
    """A detector fitted to normal images that the network was not trained on, and that no p-value is taken from.

    Args:
        values: `features` of them (n, L), n >= 2; norms of several labels, or other figures an image, may stand side by
            side.
        distance: what the score is.
        predicted: classes predicted (n,); given, each class with at least 5 images gets a mean of its own (the others
            take the common one) and deviations are those around it.
        classes: K, where `predicted` is given.

    Raises:
        ConfigError: an unknown distance.
        InputError: too few images, or values that are not finite.
    """
    if distance not in DISTANCES:
        raise ConfigError(f"distance must be one of {', '.join(DISTANCES)}; got {distance!r}")
    if values.ndim != 2 or len(values) < 2 or not np.isfinite(values).all():
        raise InputError("a detector is fitted to finite values (n, L) of at least two images")
    values = values.astype(np.float64)
    mean = values.mean(0, keepdims=True)
    if predicted is not None:
        mean = np.repeat(mean, classes, 0)
        for index in range(classes):
            if (predicted == index).sum() >= _FEWEST:
                mean[index] = values[predicted == index].mean(0)
    residual = values - _means(mean, predicted, len(values))
    deviation = residual.std(0)
    deviation = np.where(deviation > _TINY * (1 + np.abs(mean).max(0)), deviation, 1.0)
    from sklearn.covariance import ledoit_wolf  # noqa: PLC0415 - takes seconds

    covariance, _ = ledoit_wolf(residual / deviation, assume_centered=True)
    return ProfileDetector(distance, mean, deviation, np.linalg.pinv(covariance, hermitian=True))


def _means(mean: NDArray[np.float64], predicted: NDArray[np.integer] | None, count: int) -> NDArray[np.float64]:
    """The mean of each image's class, or the one that there is."""
    if len(mean) == 1:
        return mean
    if predicted is None or len(predicted) != count:
        raise InputError("this detector has a mean for each class, so it needs the classes predicted")
    rows: NDArray[np.float64] = mean[predicted]
    return rows
