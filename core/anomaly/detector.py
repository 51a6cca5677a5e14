"""What every anomaly detector is: its names and kind, how it is fitted, kept in a calibration's file, and read back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.anomaly.measurements import GradientMeasurements

Kind = Literal["gradient-unsupervised", "gradient-supervised", "joint", "supervised", "baseline"]
Scores = NDArray[np.float64]


class FittedDetector(Protocol):
    """A detector of one network; it never changes."""

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The score of each image (n,), higher is more anomalous.

        Args:
            measured: of n images.
            scores: by key, those of the detectors that stand before it in the catalogue.
        """

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, by names that are its own in a calibration's file."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationShape:
    """What the parts of a calibration must fit.

    Attributes:
        weights: which of the L tensors are weights of convolutions and linear layers (L,).
        classes: of the task.
        features: that the network's last layer reads; 0 where it does not end in a linear one.
        layers: statistics of the layers inside of it, see `core.anomaly.layers`.
    """

    weights: NDArray[np.bool_]
    classes: int
    features: int
    layers: int


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFeatures:
    """What the network makes of images that it learned from.

    Attributes:
        features: that its last layer reads (N, D), float32.
        labels: their classes (N,), int64; every class occurs.
        last_layer: the last layer's weights (K, D), float32.
        logits: that the network gives them (N, K), float32.
        noise: what it makes of noise (M, D), float32; see `core.anomaly.grood`.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    last_layer: NDArray[np.float32]
    logits: NDArray[np.float32]
    noise: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class AttackedImages:
    """What an attack made of normal images: those that were right before and wrong after.

    Attributes:
        measured: of them (m,).
        index: which of the normal images each was (m,).
    """

    measured: GradientMeasurements
    index: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FittingData:
    """What detectors are fitted to.

    Attributes:
        normal: of n normal images that the network did not learn from.
        attacked: by attack what it made of them; attacks that turned too few are left out.
        weights: which tensors are weights of convolutions and linear layers (L,).
        classes: of the task.
        seed: of what is drawn.
        training: of training images, for the baselines that are fitted to such; None where there are none with labels.
    """

    normal: GradientMeasurements
    attacked: Mapping[str, AttackedImages]
    weights: NDArray[np.bool_]
    classes: int
    seed: int
    training: TrainingFeatures | None = None


def part_of(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with `prefix/`, without it."""
    head = f"{prefix}/"
    return {name.removeprefix(head): array for name, array in arrays.items() if name.startswith(head)}


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector of the catalogue.

    Attributes:
        key: its name in files and URLs.
        name: its name for people, short.
        title: what it measures, with the source where it is not ours.
        kind: what it was fitted to.
        fit: the fitted detector, from the data and the scores of those before it on the normal images; None where the
            data is not enough.
        read: the fitted detector from all arrays of a calibration's file; raises KeyError, ValueError or InputError
            where they are damaged or don't fit.
        of: keys of the detectors whose scores it reads; they stand before it in the catalogue.
        light: it reads the main probe's gradients, features, layers and logits alone, so that images measured `light`
            do, see `core.anomaly.measurements.measure`; so must those that it reads scores of.
        attacks: those of `core.anomaly.attacked` that make the images that it is trained on; none for most.
    """

    key: str
    name: str
    title: str
    kind: Kind
    fit: Callable[[FittingData, Mapping[str, Scores]], FittedDetector | None]
    read: Callable[[Mapping[str, NDArray[Any]], CalibrationShape], FittedDetector]
    of: tuple[str, ...] = ()
    light: bool = False
    attacks: tuple[str, ...] = ()

    @property
    def trained_on(self) -> str:
        """What it was trained on in a calibration, attacks by commas; "" for what never saw an anomaly."""
        return ",".join(self.attacks)
