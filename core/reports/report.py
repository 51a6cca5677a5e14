"""The form every report has: settings, provenance and flat rows, in one JSON file."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import InputError
from core.files import write_atomically
from core.metrics.intervals import bootstrap, wilson
from core.models.zoo import ZooModel

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "reports"
MAX_REPORT_BYTES = 50_000_000
MAX_ARRAY_BYTES = 200_000_000

Row = dict[str, Any]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Report:
    """Results over many images and models.

    Attributes:
        task: the task's key.
        report: the report's name.
        settings: everything that decides the rows, as plain values.
        provenance: data, seed, and the runs that measured the rows (see `core.reports.provenance`).
        rows: flat objects; a figure `f` may have `f_low`, `f_high` (95 % interval) and `f_n`; `made` names the runs.
    """

    task: str
    report: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"


def report_path(task: str, report: str, folder: Path = ASSETS) -> Path:
    """Where a report is kept."""
    return folder / task / f"{report}.json"


def write_report(report: Report, path: Path) -> None:
    """Write a report in one move.

    Raises:
        InputError: the folder can't be written.
    """
    write_atomically(path, report.to_json().encode())


def read_report(path: Path) -> Report:
    """The report in a file.

    Raises:
        InputError: missing, too large, or not a report.
    """
    try:
        if path.stat().st_size > MAX_REPORT_BYTES:
            raise InputError(f"{path.name} is larger than {MAX_REPORT_BYTES / 1e6:.0f} MB")
        fields = json.loads(path.read_bytes())
        return Report(**fields | {"rows": tuple(dict(row) for row in fields["rows"])})
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path.name} is not a report: {error}") from error


def write_arrays(arrays: Arrays, path: Path) -> None:
    """Write arrays by name as a compressed NPZ, without pickles, in one move.

    Raises:
        InputError: an array of Python objects, or the folder can't be written.
    """
    objects = [name for name, array in arrays.items() if array.dtype.hasobject]
    if objects:
        raise InputError(f"{path.name} takes plain numbers only; {objects[0]} holds Python objects")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an NPZ file by name.

    Raises:
        InputError: missing, too large also once unpacked, not an NPZ, or one with pickles.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_ARRAY_BYTES:
                raise InputError(f"{path.name} holds more than {MAX_ARRAY_BYTES / 1e6:.0f} MB")
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name} holds no readable arrays: {error}") from error


def share(name: str, hits: int, n: int) -> Row:
    """A share `hits / n` as the figure `name` of a row, with its Wilson interval and n."""
    low, high = wilson(hits, n)
    return {name: hits / n, f"{name}_low": low, f"{name}_high": high, f"{name}_n": n}


def mean(name: str, values: NDArray[np.floating[Any]]) -> Row:
    """The mean of values (n,) as the figure `name` of a row, with its bootstrap interval and n.

    NaN is left out; the figure is null where nothing is left.
    """
    values = values[~np.isnan(values)].astype(np.float64)
    if len(values) == 0:
        return {name: None, f"{name}_low": None, f"{name}_high": None, f"{name}_n": 0}
    low, high = bootstrap(values, lambda drawn: float(drawn.mean()))
    return {name: float(values.mean()), f"{name}_low": low, f"{name}_high": high, f"{name}_n": len(values)}


def common_task(models: Sequence[ZooModel], data: LabelledImages) -> Task:
    """The task that all the networks solve, if the images fit it.

    Raises:
        InputError: networks of several tasks or none, no images, or images of another shape.
    """
    tasks = {model.card.task for model in models}
    if len(tasks) != 1 or len(data) == 0:
        raise InputError(
            f"need models of one task and at least one image; got tasks {sorted(tasks)} and {len(data)} images"
        )
    task = models[0].task
    if tuple(data.pixels.shape[1:]) != task.shape:
        raise InputError(f"{task.key} takes images of shape {task.shape}; got {tuple(data.pixels.shape[1:])}")
    return task
