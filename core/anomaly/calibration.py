"""A network's detectors in one bundle: fitted once, calibrated, kept in a file, and then scoring images."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly import baselines, norm_detectors, perceptron
from core.anomaly.baselines import BASELINES, Baselines
from core.anomaly.conformal import p_values
from core.anomaly.measurements import EVERY, MAIN, GradientMeasurements, as_tensors, measure, weights_among
from core.anomaly.norm_detectors import Distance, ProfileDetector, features
from core.anomaly.perceptron import Perceptron
from core.anomaly.store import read_npz, write_npz
from core.errors import ConfigError, InputError
from core.models.zoo import ZooModel

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "calibration"
MAX_BYTES = 16_000_000
FORM = 1  # of the file; goes up when older ones can't be read any more
BATCH = 64

Kind = Literal["gradient-unsupervised", "gradient-supervised", "baseline"]

TINY = 1e-12
_FLOOR = -1.0  # in `combined` an answer can't be sure enough to make up for a large distance


@dataclass(frozen=True, slots=True)
class Profile:
    """Which gradient norms an unsupervised detector sees, and what it makes of them.

    Attributes:
        title: its name for people.
        probes: whose norms stand side by side, keys of `PROBES`.
        every: BatchNorm and biases, too; otherwise weights of convolutions and linear layers alone.
        log: logarithms of the norms.
        distance: see `core.anomaly.norm_detectors`.
        by_class: normal images have a mean for each class predicted.
    """

    title: str
    probes: tuple[str, ...] = (MAIN,)
    every: bool = False
    log: bool = True
    distance: Distance = "mahalanobis"
    by_class: bool = False


PROFILES: Mapping[str, Profile] = {
    "norms": Profile("Log-norms of the weights' gradients under the all-ones label, Mahalanobis distance"),
    "norms-all": Profile(
        "Log-norms of all tensors, BatchNorm and biases too, under the all-ones label, Mahalanobis distance", every=True
    ),
    "norms-raw": Profile("Norms as they are, without logarithms, Mahalanobis distance", log=False),
    "largest": Profile("The largest deviation of a tensor's log-norm", every=True, distance="z-max"),
    "sum": Profile("The sum of the norms, the papers' score without training", log=False, distance="sum"),
    "softmax": Profile(
        "Log-norms under all-ones on the softmax, around the mean of the class predicted, Mahalanobis distance",
        ("softmax",),
        every=True,
        by_class=True,
    ),
    "predicted": Profile(
        "The sum of the log-norms under the class predicted, cross-entropy", ("predicted",), every=True, distance="sum"
    ),
}
COMBINED_OF = ("softmax", "predicted")
COMBINED, DIRECTION, PERCEPTRON = "combined", "direction", "perceptron"
DETECTORS: Mapping[str, tuple[Kind, str]] = {
    **{key: ("gradient-unsupervised", profile.title) for key, profile in PROFILES.items()},
    COMBINED: ("gradient-unsupervised", "The logarithm of `softmax` and `predicted`, each standardised, summed (ours)"),
    DIRECTION: ("gradient-unsupervised", "How far the gradients' directions are from the mean one, 1 - cosine"),
    PERCEPTRON: ("gradient-supervised", "Two-layer perceptron on the log-norms, trained on PGD at the task's radius"),
    **{key: ("baseline", title) for key, title in BASELINES.items()},
}
"""What a screen can hold, by key: kind and title."""
DEFAULT = "norms-all"


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The detectors of one network. Build it with `core.anomaly.calibrate.fit_screen`, or read it with `read_screen`.

    Attributes:
        settings: how it came about, as plain values: `task`, `model`, `sha256` of the weights, sizes, seed, data.
        names: the parameter tensors, L of them.
        weights: which of them are weights of convolutions and linear layers (L,).
        profiles: the unsupervised detectors on norms, by the keys of `PROFILES`.
        perceptron: the supervised one; None where PGD changed too few answers to train it.
        scale: mean and deviation of the two parts of `combined` over the images that fitted (2, 2).
        baselines: the fitted ones.
        directions: by name the mean gradient of normal images (1, ...), in whole numbers from -127 to 127: a cosine
            needs no scale.
        normals: by detector the scores of the calibration images that p-values are taken from (n,).
        band: 5, 50 and 95 % points of those images' log-norms under the main probe (3, L), for display.
    """

    settings: Mapping[str, Any]
    names: tuple[str, ...]
    weights: NDArray[np.bool_]
    profiles: Mapping[str, ProfileDetector]
    perceptron: Perceptron | None
    scale: NDArray[np.float64]
    baselines: Baselines
    directions: Mapping[str, NDArray[np.int8]]
    normals: Mapping[str, NDArray[np.float64]]
    band: NDArray[np.float64]

    @property
    def detectors(self) -> tuple[str, ...]:
        """The keys of those that it holds, in the order of `DETECTORS`."""
        return tuple(key for key in DETECTORS if key != PERCEPTRON or self.perceptron is not None)

    @property
    def digest(self) -> str:
        """SHA-256 over all it is made of, to tell whether scores came from the same screen."""
        return _digest(self.arrays())

    @property
    def measuring(self) -> str:
        """SHA-256 over what signals depend on: they stay what they are while this does."""
        return _digest(
            {**self.directions, **{f"baselines/{name}": each for name, each in self.baselines.arrays().items()}}
        )

    def measure(self, model: ZooModel, x: Tensor, chunk: int = BATCH) -> GradientMeasurements:
        """The signals of images (n, C, H, W), float in [0, 1]; see `core.anomaly.measurements.measure`.

        Raises:
            InputError: no images, another network, or answers that are not finite.
        """
        if model.card.sha256 != self.settings["sha256"]:
            raise InputError(f"this calibration belongs to other weights than those of {model.card.key}")
        return measure(model, x, self.baselines, as_tensors(self.directions), chunk)

    def scores(self, signals: GradientMeasurements) -> dict[str, NDArray[np.float64]]:
        """By detector the score of each image (n,), higher is more anomalous."""
        found = {
            key: detector.score(values_of(PROFILES[key], signals, self.weights), signals.predicted)
            for key, detector in self.profiles.items()
        }
        distance, total = ((parts_of_combined(found) - self.scale[0]) / self.scale[1]).T
        found[COMBINED] = distance + np.maximum(total, _FLOOR)
        found[DIRECTION] = signals.misaligned[:, self.weights].mean(1, dtype=np.float64)
        if self.perceptron is not None:
            found[PERCEPTRON] = self.perceptron.score(features(signals.squared[MAIN]))
        return {key: found[key] if key in found else signals.baselines[key] for key in self.detectors}

    def p_values(self, scores: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """By detector the conformal p-value of each score (n,), in (0, 1]; see `core.anomaly.conformal.p_values`."""
        return {key: p_values(self.normals[key], values) for key, values in scores.items()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, for an npz file."""
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            "baselines": self.baselines.arrays(),
            "directions": self.directions,
            "normals": self.normals,
        }
        parts |= {f"profiles/{key}": detector.arrays() for key, detector in self.profiles.items()}
        if self.perceptron is not None:
            parts["perceptron"] = self.perceptron.arrays()
        arrays = {f"{part}/{name}": array for part, of in parts.items() for name, array in of.items()}
        stated = json.dumps({"form": FORM, **self.settings}, sort_keys=True)
        return {"settings": np.array(stated), "band": self.band, "scale": self.scale, **arrays}


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    state = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        state.update(name.encode() + str(array.dtype).encode() + np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def values_of(profile: Profile, signals: GradientMeasurements, weights: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What a profile's detector sees of signals (n, columns).

    Args:
        profile: what it looks at.
        signals: of n images.
        weights: which tensors are weights (L,).
    """
    chosen = slice(None) if profile.every else weights
    return np.concatenate([features(signals.squared[name][:, chosen], profile.log) for name in profile.probes], 1)


def parts_of_combined(scores: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """What `combined` adds up (n, 2): a distance is at least zero and has a long tail, a sum of logarithms has not."""
    distance, total = (scores[key] for key in COMBINED_OF)
    return np.stack([np.log(np.maximum(distance, TINY)), total], 1)


def calibration_path(task: str, key: str, folder: Path = ASSETS) -> Path:
    """Where the screen of a network is kept."""
    return folder / task / f"{key}.npz"


def write_calibration(screen: Calibration, path: Path) -> None:
    """Write a screen in one move.

    Raises:
        InputError: the folder can't be written.
    """
    write_npz(screen.arrays(), path)


def read_calibration(model: ZooModel, path: Path) -> Calibration:
    """The screen of `model` in a file.

    Everything is checked against the network, so that a file from anywhere can be read.

    Raises:
        InputError: missing, too large, damaged, not a screen, or one of other weights.
    """
    arrays = read_npz(path, MAX_BYTES)
    try:
        settings = json.loads(str(arrays["settings"]))
        if settings.pop("form") != FORM:
            raise ValueError("it has another form")
        if settings["sha256"] != model.card.sha256:
            raise ValueError(f"it belongs to other weights than those of {model.card.key}")
        strange = [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
        if strange:
            raise ValueError(f"{strange[0]} holds values that are not finite")
        screen = Calibration(
            settings,
            EVERY.names(model.plain),
            weights_among(model),
            {key: norm_detectors.from_arrays(_part(arrays, f"profiles/{key}")) for key in PROFILES},
            perceptron.from_arrays(_part(arrays, "perceptron")) if "perceptron/w1" in arrays else None,
            arrays["scale"],
            baselines.from_arrays(_part(arrays, "baselines")),
            _part(arrays, "directions"),
            _part(arrays, "normals"),
            arrays["band"],
        )
        _check(screen, model)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, IndexError, InputError) as error:
        raise InputError(f"{path.name} is no calibration of {model.card.key}: {error}") from error
    return screen


def _part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    head = f"{prefix}/"
    return {name.removeprefix(head): array for name, array in arrays.items() if name.startswith(head)}


def _check(screen: Calibration, model: ZooModel) -> None:
    """Refuse parts that don't fit the network or one another."""
    count, classes = len(screen.names), model.task.classes
    for key, detector in screen.profiles.items():
        profile = PROFILES[key]
        wide = len(profile.probes) * (count if profile.every else int(screen.weights.sum()))
        rows = classes if profile.by_class else 1
        if detector.distance != profile.distance or detector.mean.shape != (rows, wide):
            raise ValueError(f"the detector {key} is not for this network")
    if screen.perceptron is not None and len(screen.perceptron.mean) != count:
        raise ValueError("the perceptron is not for this network")
    width = model.plain.head.in_features
    if screen.baselines.means.shape != (classes, width) or screen.baselines.residual.shape != (
        width,
        width - width // 2,
    ):
        raise ValueError("the baselines are not for this network")
    shapes = {name: (1, *parameter.shape) for name, parameter in model.plain.named_parameters()}
    if {name: array.shape for name, array in screen.directions.items()} != {n: shapes[n] for n in screen.names}:
        raise ValueError("the directions are not for this network")
    if any(array.dtype != np.int8 for array in screen.directions.values()):
        raise ValueError("directions must be whole numbers of one byte")
    sizes = {array.shape for array in screen.normals.values()}
    if set(screen.normals) != set(screen.detectors) or len(sizes) != 1 or len(next(iter(sizes))) != 1:
        raise ValueError("it needs as many normal scores of each detector")
    if any(len(array) == 0 or array.dtype != np.float64 for array in screen.normals.values()):
        raise ValueError("normal scores must be numbers")
    if screen.band.shape != (3, count) or screen.scale.shape != (2, 2) or not (screen.scale[1] > 0).all():
        raise ValueError("the band or the scale is not for this network")


def check_detectors(screen: Calibration, keys: tuple[str, ...]) -> None:
    """Refuse names that the screen has no detector for.

    Raises:
        ConfigError: none given, or one that it does not hold.
    """
    unknown = [key for key in keys if key not in screen.detectors]
    if unknown or not keys:
        raise ConfigError(f"detector must be of {', '.join(screen.detectors)}; got {', '.join(unknown) or 'none'}")
