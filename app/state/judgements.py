"""What the detectors of anomalies say of a picture, shared by all pages and visitors."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.state import device, own_calibrations, zoo
from app.state.names import OWN
from app.state.pictures import ModelInput
from app.state.result_cache import cached_for_all, cached_result
from core.anomaly.calibration import ASSETS, Calibration, calibration_path, read_calibration
from core.anomaly.calibration import own_calibrations as own_calibrations_folder
from core.anomaly.verdict import Verdict, judge
from core.data.tasks import Task
from core.models.step_precision import Precision

ALPHA = 0.05  # the false-alarm rate where nobody chose one


def calibration_folder() -> Path:
    """Where the calibrations lie: `ROBUSTSCOPE_CALIBRATION`, or those that ship."""
    configured = os.environ.get("ROBUSTSCOPE_CALIBRATION")
    return Path(configured).expanduser() if configured else ASSETS


def calibration_of(task: str, key: str) -> Calibration | None:
    """The detectors of a network; None while it is not calibrated.

    A visitor's calibration on their own pictures goes before that of whoever serves, and this before the one that
    ships.

    Raises:
        InputError: its calibration is damaged, or belongs to other weights; or the network's files are damaged.
    """
    own = _own_path(task, key)
    if own is not None:
        return own_calibrations.read(zoo.model(task, key), own)
    paths = [calibration_path(task, key, folder) for folder in (own_calibrations_folder(), calibration_folder())]
    path = next((path for path in paths if path.exists()), None)
    if key.startswith(OWN) or path is None:
        return None
    return _calibration_of(task, key, zoo.model(task, key).card.sha256, str(path), path.stat().st_mtime_ns)


def is_mine(task: str, key: str) -> bool:
    """Whether a network is judged by a calibration on this visitor's own pictures."""
    return _own_path(task, key) is not None


def on_own_pictures(task: str, keys: Sequence[str]) -> list[str]:
    """Those of some networks whose calibration is on somebody's own pictures.

    Raises:
        InputError: files are damaged.
    """
    return [key for key in keys if (screen := calibration_of(task, key)) is not None and screen.own is not None]


def _own_path(task: str, key: str) -> Path | None:
    card = zoo.cards_of(task).get(key)
    return own_calibrations.path_of(card) if card is not None else None


@cached_for_all
def _calibration_of(task: str, key: str, sha256: str, path: str, stamp: int) -> Calibration:
    return read_calibration(zoo.model(task, key), Path(path))


def judgements_of(task: Task, key: str, shown: ModelInput, change: str = "") -> Verdict | None:
    """What a network's detectors say of the picture, and with a change of it at each strength; None without any.

    Raises:
        InputError: files are damaged, or the network answers with values that are not finite.
    """
    detectors = calibration_of(task.key, key)
    if detectors is None:
        return None
    return _judgements_of(task.key, key, detectors.digest, shown.digest, change, device.step_precision(), shown.x)


@cached_result
def _judgements_of(
    task: str, key: str, calibration: str, digest: str, change: str, precision: Precision, _x: NDArray[np.float32]
) -> Verdict:
    detectors = calibration_of(task, key)
    assert detectors is not None
    return judge(zoo.model(task, key), detectors, device.picture(_x), change, precision=precision)
