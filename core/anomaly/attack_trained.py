"""Detectors trained on attacks of three sizes: on gradients, on what is inside of the network, and on both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.anomaly import perceptron
from core.anomaly.class_gaussians import unit_length
from core.anomaly.detector import CalibrationShape, Detector, FittingData, Kind, Scores, part_of
from core.anomaly.measurements import MAIN, GradientMeasurements
from core.anomaly.norm_detectors import features
from core.anomaly.perceptron import Perceptron
from core.anomaly.perceptron_detector import TRAINED_SHARE

_PGD = ("pgd-quarter", "pgd-half", "pgd")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What of an image a perceptron sees.

    Attributes:
        gradients: the log-norm of every tensor's gradient under the main probe, and how far its direction is from that
            of normal images: what the papers use, and what GradCon adds (see `core.anomaly.direction`).
        activations: what the last layer reads, at unit length, and mean and deviation of channels of layers before it
            (see `core.anomaly.layers`).
    """

    gradients: bool
    activations: bool

    def values(self, measured: GradientMeasurements) -> NDArray[np.float64]:
        """What is seen of n images (n, columns)."""
        parts: list[NDArray[np.float64]] = []
        if self.gradients:
            parts += [features(measured.squared[MAIN]), measured.misaligned.astype(np.float64)]
        if self.activations:
            parts += [unit_length(measured.features), measured.layers.astype(np.float64)]
        return np.concatenate(parts, 1)

    def width(self, shape: CalibrationShape) -> int:
        """The number of columns."""
        return 2 * len(shape.weights) * self.gradients + (shape.features + shape.layers) * self.activations


@dataclass(frozen=True, slots=True, eq=False)
class AttackTrained:
    """A perceptron (Lee, AlRegib 2020, arXiv:2008.08030, Sec. 4) on `inputs`.

    The protocol is near to that of Lee et al. 2018 (arXiv:1807.03888, Sec. 3.1): what was right before and wrong after
    stands against what it was made of. It departs where `val` said so (CIFAR-10's `standard`, AUROC at a quarter of the
    radius): the channels themselves take the place of their Mahalanobis distances, which a logistic regression brings
    to 0.66 and no perceptron further; noisy images are not among the normal ones, as they gain nothing clear. One
    detector learns PGD of several sizes, so that one can be shown for any attack.

    Attributes:
        key: of the detector.
        inputs: what it sees.
        perceptron: what it makes of them.
    """

    key: str
    inputs: Inputs
    perceptron: Perceptron

    def score(self, measured: GradientMeasurements, scores: Mapping[str, Scores]) -> Scores:
        """The perceptron's output for each image (n,)."""
        return self.perceptron.score(self.inputs.values(measured))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its weights, and what standardises its input."""
        return {f"{self.key}/{name}": array for name, array in self.perceptron.arrays().items()}


def _detector(key: str, name: str, title: str, kind: Kind, inputs: Inputs, attacks: tuple[str, ...]) -> Detector:
    def fit(data: FittingData, scores: Mapping[str, Scores]) -> AttackTrained | None:
        """An image and its attacked twins are on one side of the cut between training and choosing."""
        cut = int(TRAINED_SHARE * len(data.normal))
        attacked = [data.attacked[attack] for attack in attacks if attack in data.attacked]
        if not attacked:
            return None
        normal = inputs.values(data.normal)
        if normal.shape[1] == 0:
            return None
        anomalous = np.concatenate([inputs.values(each.measured) for each in attacked])
        early = np.concatenate([each.index for each in attacked]) < cut
        if early.all() or not early.any():
            return None
        later = (normal[cut:], anomalous[~early])
        generator = torch.Generator().manual_seed(data.seed)
        return AttackTrained(key, inputs, perceptron.fit(normal[:cut], anomalous[early], later, generator))

    def read(arrays: Mapping[str, NDArray[Any]], shape: CalibrationShape) -> AttackTrained:
        found = perceptron.from_arrays(part_of(arrays, key))
        if len(found.mean) != inputs.width(shape):
            raise ValueError(f"the detector {key} is not for this network")
        return AttackTrained(key, inputs, found)

    return Detector(key, name, title, kind, fit, read, light=True, attacks=attacks)


ATTACKED_GRADIENTS_DETECTOR = _detector(
    "attacked-gradients",
    "Attack-trained, gradients",
    "Two-layer perceptron on log-norms and directions of all tensors, trained on PGD at ε/4, ε/2 and ε",
    "gradient-supervised",
    Inputs(gradients=True, activations=False),
    _PGD,
)
ATTACKED_ACTIVATIONS_DETECTOR = _detector(
    "attacked-activations",
    "Attack-trained, activations",
    "Two-layer perceptron on features and layers before them, trained on PGD at ε/4, ε/2 and ε",
    "supervised",
    Inputs(gradients=False, activations=True),
    _PGD,
)
ATTACKED_BOTH_DETECTOR = _detector(
    "attacked-both",
    "Attack-trained, both",
    "Two-layer perceptron on gradients' norms and directions, features and layers, trained on PGD at ε/4, ε/2 and ε",
    "supervised",
    Inputs(gradients=True, activations=True),
    _PGD,
)
