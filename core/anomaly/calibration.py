"""A network's detectors in one bundle: fitted once, calibrated, kept in a file, and then scoring images."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.anomaly import baselines
from core.anomaly.baselines import BASELINES, Baselines, has_head
from core.anomaly.catalogue import DETECTORS
from core.anomaly.conformal import p_values
from core.anomaly.detector import CalibrationShape, FittedDetector, part_of
from core.anomaly.layers import inner_layers
from core.anomaly.measurements import EVERY, GradientMeasurements, as_tensors, measure, weights_among
from core.anomaly.stated_normal import StatedNormal, stated_in
from core.checksums import without_checksum
from core.data.tasks.own import user_folder
from core.errors import ConfigError, InputError
from core.files import read_limited
from core.models.head import head_of
from core.models.zoo import ZooModel
from core.npz import arrays_of, npz_bytes, write_npz

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "calibration"
MAX_BYTES = 128_000_000  # a byte for each parameter is most of it
FORM = 1  # of the file; goes up when older ones can't be read any more
BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The detectors of one network. Build it with `core.anomaly.calibrate.fit_screen`, or read it with `read_screen`.

    Attributes:
        settings: how it came about, as plain values: `task`, `model`, `sha256` of the weights, sizes, seed, data.
        names: the parameter tensors, L of them.
        weights: which of them are weights of convolutions and linear layers (L,).
        fitted: the detectors by key, in the catalogue's order; those that it was not calibrated for are missing.
        baselines: what measuring the baselines needs.
        directions: by name the mean gradient of normal images (1, ...), in whole numbers from -127 to 127: a cosine
            needs no scale.
        normals: by detector the scores of the calibration images that p-values are taken from (n,).
        band: 5, 50 and 95 % points of those images' log-norms under the main probe (3, L), for display.
        digest: SHA-256 over all it is made of, to tell whether scores came from the same screen.
    """

    settings: Mapping[str, Any]
    names: tuple[str, ...]
    weights: NDArray[np.bool_]
    fitted: Mapping[str, FittedDetector]
    baselines: Baselines
    directions: Mapping[str, NDArray[np.int8]]
    normals: Mapping[str, NDArray[np.float64]]
    band: NDArray[np.float64]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", _digest(self.arrays()))

    @property
    def detectors(self) -> tuple[str, ...]:
        """The keys of those that it holds, in the catalogue's order."""
        return tuple(self.fitted)

    def of(self, keys: Collection[str]) -> "Calibration":
        """The same with these detectors alone, and those whose scores they read; `normals` stay those of all."""
        needed = {*keys, *(member for key in keys for member in DETECTORS[key].of)}
        return replace(self, fitted={key: detector for key, detector in self.fitted.items() if key in needed})

    @property
    def own(self) -> StatedNormal | None:
        """What somebody's own pictures were, where it was calibrated on such."""
        return stated_in(self.settings)

    @property
    def measuring(self) -> str:
        """SHA-256 over what signals depend on: they stay what they are while this does."""
        return _digest(
            {**self.directions, **{f"baselines/{name}": each for name, each in self.baselines.arrays().items()}}
        )

    def measure(self, model: ZooModel, x: Tensor, chunk: int = BATCH, light: bool = False) -> GradientMeasurements:
        """The signals of images (n, C, H, W), float in [0, 1]; see `core.anomaly.measurements.measure`.

        Raises:
            InputError: no images, another network, or answers that are not finite.
        """
        if model.card.sha256 != self.settings["sha256"]:
            raise InputError(f"this calibration belongs to other weights than those of {model.card.key}")
        return measure(model, x, self.baselines, as_tensors(self.directions), chunk, light)

    def scores(self, signals: GradientMeasurements) -> dict[str, NDArray[np.float64]]:
        """By detector the score of each image (n,), higher is more anomalous."""
        found: dict[str, NDArray[np.float64]] = {}
        for key, detector in self.fitted.items():
            found[key] = detector.score(signals, found)
        return found

    def p_values(self, scores: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """By detector the conformal p-value of each score (n,), in (0, 1]; see `core.anomaly.conformal.p_values`."""
        return {key: p_values(self.normals[key], values) for key, values in scores.items()}

    def share_flagged(self, model: ZooModel, x: Tensor, alpha: float) -> NDArray[np.float64]:
        """The share of detectors (n,), in [0, 1], whose p-value of an image of `x` (n, C, H, W) is at most `alpha`."""
        found = self.p_values(self.scores(self.measure(model, x)))
        share: NDArray[np.float64] = np.mean([values <= alpha for values in found.values()], 0)
        return share

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, for an npz file."""
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            "baselines": self.baselines.arrays(),
            "directions": self.directions,
            "normals": self.normals,
        }
        arrays = {f"{part}/{name}": array for part, of in parts.items() for name, array in of.items()}
        stated = json.dumps({"form": FORM, **self.settings}, sort_keys=True)
        for detector in self.fitted.values():
            arrays |= detector.arrays()
        return {"settings": np.array(stated), "band": self.band, **arrays}


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    state = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        state.update(name.encode() + str(array.dtype).encode() + np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def calibration_path(task: str, key: str, folder: Path = ASSETS) -> Path:
    """Where the screen of a network is kept."""
    return folder / task / f"{key}.npz"


def own_calibrations() -> Path:
    """The folder of calibrations on the pictures of whoever runs this, see `core.anomaly.own_normal`."""
    return user_folder() / "calibration"


def calibration_bytes(screen: Calibration) -> bytes:
    """The file of a screen."""
    return npz_bytes(screen.arrays())


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
    return calibration_in(model, read_limited(path, MAX_BYTES), path.name)


def calibration_in(model: ZooModel, data: bytes, name: str) -> Calibration:
    """The screen of `model` in the bytes of a file that is called `name`; checked as `read_calibration` does.

    Raises:
        InputError: damaged, not a screen, or one of other weights.
    """
    arrays = arrays_of(without_checksum(data, name), name, MAX_BYTES)
    try:
        settings = json.loads(str(arrays["settings"]))
        if settings.pop("form") != FORM:
            raise ValueError("it has another form")
        if settings["sha256"] != model.card.sha256:
            raise ValueError(f"it belongs to other weights than those of {model.card.key}")
        strange = [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
        if strange:
            raise ValueError(f"{strange[0]} holds values that are not finite")
        width = head_of(model.plain, model.task.shape).linear.in_features if has_head(model) else 0
        inner = inner_layers(model.plain, model.task.shape).width
        shape = CalibrationShape(weights_among(model), model.task.classes, width, inner)
        normals = part_of(arrays, "normals")
        screen = Calibration(
            settings,
            EVERY.names(model.plain),
            shape.weights,
            {key: detector.read(arrays, shape) for key, detector in DETECTORS.items() if key in normals},
            baselines.from_arrays(part_of(arrays, "baselines")),
            part_of(arrays, "directions"),
            normals,
            arrays["band"],
        )
        _check(screen, model)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, IndexError, InputError) as error:
        raise InputError(f"{name} is no calibration of {model.card.key}: {error}") from error
    return screen


def _check(screen: Calibration, model: ZooModel) -> None:
    """Refuse parts that don't fit the network or one another."""
    _check_baselines(screen, model)
    count = len(screen.names)
    shapes = {name: (1, *parameter.shape) for name, parameter in model.plain.named_parameters()}
    if {name: array.shape for name, array in screen.directions.items()} != {n: shapes[n] for n in screen.names}:
        raise ValueError("the directions are not for this network")
    if any(array.dtype != np.int8 for array in screen.directions.values()):
        raise ValueError("directions must be whole numbers of one byte")
    sizes = {array.shape for array in screen.normals.values()}
    if (
        not screen.normals
        or set(screen.normals) != set(screen.detectors)
        or len(sizes) != 1
        or len(next(iter(sizes))) != 1
    ):
        raise ValueError("it needs as many normal scores of each detector")
    if any(len(array) == 0 or array.dtype != np.float64 for array in screen.normals.values()):
        raise ValueError("normal scores must be numbers")
    if screen.settings["p_value_images"] != next(iter(sizes))[0]:
        raise ValueError("it does not say how many normal scores there are")
    for key in screen.fitted:
        if not {*DETECTORS[key].of} <= {*screen.fitted}:
            raise ValueError(f"the detector {key} needs those that it combines")
    if screen.band.shape != (3, count) or screen.band.dtype.kind != "f":
        raise ValueError("the band is not for this network")
    if screen.own is not None and not {*screen.own.flagged} <= {*screen.fitted}:
        raise ValueError("its promise was checked for detectors that it does not hold")


def _check_baselines(screen: Calibration, model: ZooModel) -> None:
    known, classes = screen.baselines, model.task.classes
    if known.fitted:
        width = head_of(model.plain, model.task.shape).linear.in_features
        if known.means.shape != (classes, width) or known.residual.shape != (width, width - width // 2):
            raise ValueError("the baselines are not for this network")
    if {key for key in BASELINES if key in screen.fitted} - {*known.names(model)}:
        raise ValueError("it holds baselines that were not fitted")


def check_detectors(screen: Calibration, keys: tuple[str, ...]) -> None:
    """Refuse names that the screen has no detector for.

    Raises:
        ConfigError: none given, or one that it does not hold.
    """
    unknown = [key for key in keys if key not in screen.detectors]
    if unknown or not keys:
        raise ConfigError(f"detector must be of {', '.join(screen.detectors)}; got {', '.join(unknown) or 'none'}")
