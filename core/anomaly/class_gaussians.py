"""A Gaussian around each class with one covariance for all: what Mahalanobis distances of features are measured by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-12
_RIDGE = 1e-6  # on the sum of squares, as pytorch-ood has it, for features that never change


def unit_length(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Features (n, D), each divided by its Euclidean length; one without length stays zero."""
    values = features.astype(np.float64)
    unit: NDArray[np.float64] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), _TINY)
    return unit


@dataclass(frozen=True, slots=True, eq=False)
class ClassGaussians:
    """Gaussians that share a covariance; build them with `fit`.

    Attributes:
        means: of each class (K, D).
        precision: inverse of the covariance around the means (D, D).
    """

    means: NDArray[np.float32]
    precision: NDArray[np.float32]

    def distances(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """The squared Mahalanobis distance of each image's features (n, D) to each class (n, K)."""
        precision = self.precision.astype(np.float64)
        offsets = (features - mean for mean in self.means.astype(np.float64))
        return np.stack([((offset @ precision) * offset).sum(1) for offset in offsets], 1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Means and precision, by name."""
        return {"means": self.means, "precision": self.precision}


def fit(features: NDArray[np.floating], labels: NDArray[np.integer]) -> ClassGaussians:
    """Gaussians of features (N, D) of classes `labels` (N,), each of 0 to the largest; Lee et al. 2018, eq. (1)."""
    values = features.astype(np.float64)
    means = np.stack([values[labels == label].mean(0) for label in range(int(labels.max()) + 1)])
    around = values - means[labels]
    covariance = (around.T @ around + _RIDGE * np.eye(values.shape[1])) / len(values)
    return ClassGaussians(means.astype(np.float32), np.linalg.inv(covariance).astype(np.float32))


def from_arrays(arrays: Mapping[str, NDArray[Any]], classes: int, width: int) -> ClassGaussians:
    """The Gaussians that `ClassGaussians.arrays` took apart, of so many classes and features.

    Raises:
        KeyError: arrays are missing.
        ValueError: they are not of this size.
    """
    means, precision = arrays["means"], arrays["precision"]
    if means.shape != (classes, width) or precision.shape != (width, width) or width == 0:
        raise ValueError("the Gaussians are not for this network")
    return ClassGaussians(means.astype(np.float32), precision.astype(np.float32))
