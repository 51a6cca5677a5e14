"""What is normal to a network under every label and loss, kept in a file, so that no data set is needed to compare."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly import norm_detectors
from core.anomaly.calibration import ASSETS, BATCH
from core.anomaly.confounding import HEADS, LABELS, ConfoundingLabel
from core.anomaly.gradients import several_weight_gradients
from core.anomaly.measurements import EVERY, MAIN, PROBES, weights_among
from core.anomaly.reference import Reference, of_norms
from core.errors import InputError
from core.models.zoo import ZooModel
from core.npz import read_npz, write_npz
from core.progress import OnPartProgress, silent_on_parts

LABELLED = tuple(
    ConfoundingLabel(label, head)
    for label in LABELS
    for head in HEADS
    if (label, head) != ("zeros", "cross-entropy") and ConfoundingLabel(label, head) != PROBES[MAIN]
)
"""Each label with each loss it can have, but the main one, which a screen brings; labels of some classes have two."""
IMAGES = 600
MAX_BYTES = 8_000_000

References = Mapping[tuple[ConfoundingLabel, bool], Reference]
"""By probe, and whether every tensor counts."""


def fit_references(model: ZooModel, x: Tensor, on_progress: OnPartProgress = silent_on_parts) -> References:
    """References under every probe of `LABELLED`: the first half of the images fits, the second gives p-values.

    Args:
        model: the network.
        x: normal images (n, C, H, W) that it did not learn from, float32 in [0, 1].
        on_progress: called with what is measured, images done, and of how many.

    Raises:
        InputError: too few images, or answers that are not finite.
    """
    parts: list[list[NDArray[np.float32]]] = [[] for _ in LABELLED]
    for start in range(0, len(x), BATCH):
        found = several_weight_gradients(model.plain, x[start : start + BATCH], LABELLED, EVERY)
        for part, one in zip(parts, found, strict=True):
            part.append(one.squared.float().cpu().numpy())
        on_progress(f"{model.card.key} labels", min(start + BATCH, len(x)), len(x))
    weights = weights_among(model)
    return {
        (probe, every): _compact(of_norms(np.concatenate(part), probe, np.ones_like(weights) if every else weights))
        for probe, part in zip(LABELLED, parts, strict=True)
        for every in (True, False)
    }


def references_path(task: str, key: str, folder: Path = ASSETS) -> Path:
    """Where the references of a network are kept."""
    return folder / task / f"{key}.labels.npz"


def write_references(references: References, model: ZooModel, path: Path) -> None:
    """Write references in one move.

    Raises:
        InputError: the folder can't be written.
    """
    arrays: dict[str, NDArray[Any]] = {"settings": np.array(json.dumps({"sha256": model.card.sha256}))}
    for (probe, every), one in references.items():
        head = _name(probe, every)
        detector = one.detector.arrays() | {"precision": np.asarray(one.detector.precision, np.float32)}
        arrays |= {f"{head}/{name}": array for name, array in detector.items()}
        arrays |= {f"{head}/band": one.band, f"{head}/normals": np.asarray(one.normals, np.float32)}
    write_npz(arrays, path)


def read_references(model: ZooModel, path: Path) -> References:
    """The references of `model` in a file, checked against the network.

    Raises:
        InputError: missing, too large, damaged, or of other weights.
    """
    arrays, weights = read_npz(path, MAX_BYTES), weights_among(model)
    try:
        if json.loads(str(arrays["settings"]))["sha256"] != model.card.sha256:
            raise ValueError(f"it belongs to other weights than those of {model.card.key}")
        found: dict[tuple[ConfoundingLabel, bool], Reference] = {}
        for probe in LABELLED:
            for every in (True, False):
                chosen = np.ones_like(weights) if every else weights
                found[probe, every] = _reference(arrays, probe, every, chosen)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, InputError) as error:
        raise InputError(f"{path.name} holds no references of {model.card.key}: {error}") from error
    return found


def _name(probe: ConfoundingLabel, every: bool) -> str:
    return f"{probe.label}/{probe.head}/{'all' if every else 'weights'}"


def _compact(one: Reference) -> Reference:
    """A reference whose numbers are as exact as those that a file holds, so that it reads back as it was written."""
    detector = norm_detectors.from_arrays(
        one.detector.arrays() | {"precision": one.detector.precision.astype(np.float32)}
    )
    return Reference(one.probe, one.chosen, one.band, detector, one.normals.astype(np.float32).astype(np.float64))


def _reference(
    arrays: Mapping[str, NDArray[Any]], probe: ConfoundingLabel, every: bool, chosen: NDArray[np.bool_]
) -> Reference:
    head = f"{_name(probe, every)}/"
    own = {name.removeprefix(head): array for name, array in arrays.items() if name.startswith(head)}
    detector, band, normals = norm_detectors.from_arrays(own), own["band"], np.asarray(own["normals"], np.float64)
    width = int(chosen.sum())
    if detector.distance != "mahalanobis" or detector.mean.shape != (1, width) or band.shape != (3, width):
        raise ValueError(f"what it holds on {head} is not for this network")
    numbers = [array for name, array in own.items() if name != "distance"]
    if normals.ndim != 1 or not len(normals) or not all(np.isfinite(array).all() for array in numbers):
        raise ValueError(f"what it holds on {head} is not finite, or empty")
    return Reference(probe, chosen, np.asarray(band, np.float64), detector, normals)
