"""Detectors trained on attacks: on gradients, on what is inside of the network, on both, and on the answer, too."""

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
_SMALL = ("pgd-quarter", "ddn")
_LOGITS, _SMALLEST_LEAD = 10, 1e-3


@dataclass(frozen=True, slots=True)
class Inputs:
    """What of an image a perceptron sees.

    Attributes:
        gradients: the log-norm of every tensor's gradient under the main probe, and how far its direction is from that
            of normal images: what the papers use, and what GradCon adds (see `core.anomaly.direction`).
        activations: what the last layer reads, at unit length, and mean and deviation of channels of layers before it
            (see `core.anomaly.layers`).
        answer: the ten largest logits, the largest first, and the logarithm of its lead over each of the others: an
            image that was changed no more than needed lies where two classes are even.
    """

    gradients: bool = False
    activations: bool = False
    answer: bool = False

    def values(self, measured: GradientMeasurements) -> NDArray[np.float64]:
        """What is seen of n images (n, columns)."""
        parts: list[NDArray[np.float64]] = []
        if self.gradients:
            parts += [features(measured.squared[MAIN]), measured.misaligned.astype(np.float64)]
        if self.activations:
            parts += [unit_length(measured.features), measured.layers.astype(np.float64)]
        if self.answer:
            largest = -np.sort(-measured.logits.astype(np.float64), 1)[:, :_LOGITS]
            parts += [largest, np.log(np.maximum(largest[:, :1] - largest[:, 1:], _SMALLEST_LEAD))]
        return np.concatenate(parts, 1)

    def width(self, shape: CalibrationShape) -> int:
        """The number of columns."""
        answer = 2 * min(shape.classes, _LOGITS) - 1
        activations = shape.features + shape.layers
        return 2 * len(shape.weights) * self.gradients + activations * self.activations + answer * self.answer


@dataclass(frozen=True, slots=True, eq=False)
class AttackTrained:
    """A perceptron (Lee, AlRegib 2020, arXiv:2008.08030, Sec. 4) on `inputs`.

    The protocol is near to that of Lee et al. 2018 (arXiv:1807.03888, Sec. 3.1): what was right before and wrong after
    stands against what it was made of. It departs where `val` said so (CIFAR-10's `standard`, AUROC at a quarter of the
    radius): the channels themselves take the place of their Mahalanobis distances, which a logistic regression brings
    to 0.66 and no perceptron further, nor does a step on the image gain much (`benchmarks.mahalanobis_steps`); noisy
    images are not among the normal ones, as they gain nothing clear. Three learn PGD of three sizes. One learns its
    smallest size and DDN, the smallest change there is, and sees the answer, too, which after DDN is between two
    classes: on `val` it finds FGSM with 0.967, PGD at a quarter, half and all of the radius with 0.915, 0.989 and
    1.000, DDN with 0.969; the one that sees gradients and activations has 0.974, 0.925, 0.997, 1.000 and 0.581 there
    (600 normal images; 220, 237, 118, 118 and 244 attacked). Also tried there, with the mean of these five, which is
    0.968 and 0.895: the latter and a perceptron on the answer alone, trained on DDN, joined by the sum of their odds,
    0.970; norms under the other two labels as well, which cost two passes back, 0.970.

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
    Inputs(gradients=True),
    _PGD,
)
ATTACKED_ACTIVATIONS_DETECTOR = _detector(
    "attacked-activations",
    "Attack-trained, activations",
    "Two-layer perceptron on features and layers before them, trained on PGD at ε/4, ε/2 and ε",
    "supervised",
    Inputs(activations=True),
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
ATTACKED_ALL_DETECTOR = _detector(
    "attacked-all",
    "Attack-trained, all",
    "Two-layer perceptron on gradients' norms and directions, features, layers, logits, trained on PGD at ε/4 and DDN",
    "supervised",
    Inputs(gradients=True, activations=True, answer=True),
    _SMALL,
)
