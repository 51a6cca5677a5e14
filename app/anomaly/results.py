"""What visitors of the Anomaly page share: calibrations, judgements, norms of normal pictures, the report; bounded."""

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.state import device, pictures, zoo
from app.state.bounded_store import SERVER, BoundedStore, shared_store
from app.state.judgements import calibration_folder, calibration_of
from app.state.names import OWN
from app.state.presence import owner
from app.state.reports import cached_report
from app.state.result_cache import cached_result
from app.state.tasks import Call
from core.anomaly import reference
from core.anomaly.confounding import ConfoundingLabel
from core.anomaly.label_references import IMAGES, References, read_references, references_path
from core.anomaly.measurements import EVERY, MAIN, PROBES, weights_among
from core.anomaly.reference import Reference, of_norms, of_screen
from core.data.datasets import LabelledImages, data_root, load
from core.data.tasks import Task, task_named
from core.progress import OnProgress, ShouldStop
from core.reports.anomaly.report import NAME, Anomaly

NORMALS = IMAGES  # normal pictures whose norms are measured here: as many as under the labels that ship
STORE_BYTES = 100_000_000
Norms = NDArray[np.float32]


def norms(task: Task, key: str, digest: str, x: NDArray[np.float32], probe: ConfoundingLabel) -> Norms:
    """Squared gradient norms (S, L) of pictures (S, C, H, W), of which `digest` tells what they are.

    Raises:
        InputError: files are damaged, or the network answers with values that are not finite.
    """
    return _norms(task.key, key, zoo.model(task.key, key).card.sha256, digest, probe, x)


@cached_result
def _norms(task: str, key: str, sha256: str, digest: str, probe: ConfoundingLabel, _x: NDArray[np.float32]) -> Norms:
    return reference.norms(zoo.model(task, key), device.picture(_x), probe)


@st.cache_data(max_entries=256, show_spinner=False)
def layer_names(task: str, key: str, sha256: str) -> tuple[str, ...]:
    """A network's parameter tensors."""
    return EVERY.names(zoo.model(task, key).plain)


# -------------------------------------------------------------------------------------- normal pictures, any label


def _norm_store() -> BoundedStore[Norms]:
    return shared_store("norms of normal pictures", STORE_BYTES)


@st.cache_resource(max_entries=4, show_spinner=False)
def _normal_images(task: str, root: str) -> LabelledImages:
    return load(task_named(task), "calibration", Path(root)).first(NORMALS)


def normal_images(task: str) -> LabelledImages | None:
    """The normal pictures of a task, which no network was trained on; None where the data set is not here."""
    return _normal_images(task, str(data_root())) if pictures.data_there(task) else None


def _key(task: str, key: str, probe: ConfoundingLabel) -> Hashable:
    return (task, key, zoo.cards_of(task)[key].sha256, probe, str(data_root()))


def _owner_of(key: str) -> str:
    """Who the norms of a network are forgotten with: its visitor, where it is theirs."""
    return owner() if key.startswith(OWN) else SERVER


def normal_norms(task: str, key: str, probe: ConfoundingLabel) -> Norms | None:
    """Squared norms (N, L) of `normal_images`; None while they are not measured."""
    return _norm_store().get(_key(task, key, probe), _owner_of(key))


def measuring(task: str, keys: Sequence[str], probe: ConfoundingLabel) -> Call:
    """The work that measures what `normal_norms` gives, to be done beside the page.

    Raises:
        InputError: a network's files are damaged.
    """
    todo = [(zoo.model(task, key), _key(task, key, probe), _owner_of(key)) for key in keys]
    root, store = str(data_root()), _norm_store()

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> bool:
        images = _normal_images(task, root)
        x = images.on(device.device()).images()
        for number, (model, name, visitor) in enumerate(todo):
            if store.get(name, visitor) is None:

                def told(done: int, of: int, before: int = number) -> None:
                    on_progress(before * of + done, len(todo) * of)

                store.put(name, reference.norms(device.placed(model), x, probe, told), visitor)
        return True

    return call


def reference_of(task: str, key: str, probe: ConfoundingLabel, every: bool) -> Reference | None:
    """Where normal pictures lie under a label: as it ships, or else as measured here; None while neither is there.

    Of somebody's own normal pictures it is known under the main label alone.

    Raises:
        InputError: files are damaged.
    """
    detectors = calibration_of(task, key)
    if detectors is not None and probe == PROBES[MAIN]:
        return of_screen(detectors, every)
    if detectors is not None and detectors.own is not None:
        return None
    shipped = _labels(task, key).get((probe, every))
    if shipped is not None:
        return shipped
    measured = normal_norms(task, key, probe)
    if measured is None:
        return None
    weights = weights_among(zoo.model(task, key))
    return of_norms(measured, probe, np.ones_like(weights) if every else weights)


def _labels(task: str, key: str) -> References:
    path = references_path(task, key, calibration_folder())
    if key.startswith(OWN) or not path.exists():
        return {}
    return _references(task, key, zoo.model(task, key).card.sha256, str(path), path.stat().st_mtime_ns)


@st.cache_resource(max_entries=32, show_spinner=False)
def _references(task: str, key: str, sha256: str, path: str, stamp: int) -> References:
    return read_references(zoo.model(task, key), Path(path))


def report(task: str) -> Anomaly | None:
    """The report `anomaly` of a task, read again when its file changes; None while there is none.

    Raises:
        InputError: it is damaged.
    """
    return cached_report(task, NAME, Anomaly.read)
