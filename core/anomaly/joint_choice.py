"""Choosing the joint detector's members and weights on `val`: transformed pictures stand for what is odd.

No set that the report `anomaly` tells of is looked at: normal are pictures of `val`, odd are others of `val` that were
turned, mixed, cut up or corrupted, as something of another class might look. No attack is among them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from core.anomaly import joint
from core.anomaly.calibrate import fitted_detectors, measured_in_batches, training_features
from core.anomaly.calibration import Calibration
from core.anomaly.catalogue import DEFAULT, DETECTORS
from core.anomaly.detector import FittingData, Scores
from core.anomaly.joint import Weights
from core.anomaly.measurements import GradientMeasurements, as_tensors
from core.data.corruptions import corrupt
from core.data.datasets import LabelledImages
from core.errors import InputError
from core.metrics.detection import auroc
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, silent_on_parts

EACH = 200
"""Pictures that each transformation is made of; the first of `val`, and as many after them to mix them with."""
NORMAL = 600
"""Pictures after those, which are normal."""
FEATURES, OUTPUT = ("knn", "mahalanobis-plus", "fdbd"), "gen"
SHARES = (0.25, 0.5, 1.0)
CANDIDATES: tuple[Weights, ...] = tuple(
    {DEFAULT: gradients, features: share, OUTPUT: 1.0}
    for gradients, features, share in product(SHARES, FEATURES, SHARES)
)
"""The default detector's gradients, one detector on features, and GEN, whose weight is 1; no more, so that little is
chosen from. What all of them read is measured `light`."""
_CORRUPTED = {"gaussian-noise": 4, "gaussian-blur": 4, "contrast": 5}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a joint detector finds.

    Attributes:
        weights: of its members.
        auroc: by transformation.
        mean: over the transformations, each counted alike.
    """

    weights: Weights
    auroc: Mapping[str, float]
    mean: float


def transformed(x: Tensor, others: Tensor) -> Iterator[tuple[str, Tensor]]:
    """By name the transformed images (n, C, H, W) of `x`, in [0, 1]; `others` (n, C, H, W) are mixed in."""
    half, quarters = x.shape[3] // 2, x.roll((x.shape[2] // 2, x.shape[3] // 2), (2, 3))
    yield "turned", x.rot90(1, (2, 3))
    yield "mixed", (x + others) / 2
    yield "quarters", quarters
    yield "halves", torch.cat([x[..., :half], others[..., half:]], 3)
    pixels = (x * 255).round().to(torch.uint8).cpu()
    for name, severity in _CORRUPTED.items():
        yield name, corrupt(pixels, name, severity).to(x) / 255


def choose_joint(
    model: ZooModel,
    screen: Calibration,
    train: LabelledImages,
    val: LabelledImages,
    on_progress: OnPartProgress = silent_on_parts,
) -> list[Candidate]:
    """The candidates, the best mean first.

    Members are standardised by the normal pictures.

    Args:
        model: the network.
        screen: its calibration, which has the default detector.
        train: images that it learned from; the detectors on features are fitted to the first, as in a calibration.
        val: images that it did not.
        on_progress: called with what is measured, images done, and of how many.

    Raises:
        InputError: fewer than 1,000 images.
    """
    if len(val) < 2 * EACH + NORMAL:
        raise InputError(f"choosing needs {2 * EACH + NORMAL} images; these are {len(val)}")

    def measured(what: str, x: Tensor) -> GradientMeasurements:
        def told(done: int, of: int) -> None:
            on_progress(f"{model.card.key} {what}", done, of)

        return measured_in_batches(model, x, as_tensors(screen.directions), screen.baselines, told, light=True)

    normal = measured("normal", val.images(2 * EACH, 2 * EACH + NORMAL))
    training = training_features(model, train.first(screen.settings["baseline_images"]))
    data = FittingData(normal, {}, screen.weights, model.task.classes, 0, training)
    members = fitted_detectors(data, {key: screen.fitted.get(key) for key in DETECTORS if key in _members()})

    def scores(of: GradientMeasurements) -> dict[str, Scores]:
        return {key: detector.score(of, {}) for key, detector in members.items()}

    odd = transformed(val.images(0, EACH), val.images(EACH, 2 * EACH))
    return ranked(scores(normal), {what: scores(measured(what, x)) for what, x in odd})


def ranked(normal: Mapping[str, Scores], odd: Mapping[str, Mapping[str, Scores]]) -> list[Candidate]:
    """The candidates, the best mean first.

    Args:
        normal: by detector its scores of normal pictures.
        odd: by transformation the same of odd ones.
    """
    found = []
    for weights in CANDIDATES:
        detector = joint.fit(normal, weights)
        usual = detector.total(normal)
        values = {what: auroc(usual, detector.total(scores)) for what, scores in odd.items()}
        found.append(Candidate(weights, values, float(np.mean([*values.values()]))))
    return sorted(found, key=lambda one: -one.mean)


def _members() -> set[str]:
    return {key for weights in CANDIDATES for key in weights}
