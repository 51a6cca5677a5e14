"""The form every report has: settings, provenance and flat rows, in one JSON file.

A file holds its rows as `rows`, one object each, for whoever reads it by eye or with another program. Where that takes
more than `MAX_ROWS_BYTES`, it holds `tables` in their place (see `core.reports.form.tables`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.checksums import read_checked, write_checked
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import InputError
from core.metrics.intervals import bootstrap, wilson
from core.models.zoo import ZooModel
from core.reports.form.tables import rows_of, tables_of, tables_text

ASSETS = Path(__file__).resolve().parents[3] / "assets" / "reports"
MAX_REPORT_BYTES = 50_000_000
MAX_ROWS_BYTES = 1_000_000

Row = dict[str, Any]
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Report:
    """Results over many images and models.

    Attributes:
        task: the task's key.
        report: the report's name.
        settings: everything that decides the rows, as plain values.
        provenance: data, seed, and the runs that measured the rows (see `core.reports.form.provenance`).
        rows: flat objects; a figure `f` may have `f_low`, `f_high` (95 % interval) and `f_n`; `made` names the runs.
    """

    task: str
    report: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """The report as JSON text, with its rows one by one."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"


def report_path(task: str, report: str, folder: Path = ASSETS) -> Path:
    """Where a report is kept."""
    return folder / task / f"{report}.json"


def write_report(report: Report, path: Path) -> None:
    """Write a report with its checksum in one move.

    Raises:
        InputError: the folder can't be written.
    """
    text = report.to_json()
    if len(text) > MAX_ROWS_BYTES:
        head = {name: value for name, value in asdict(report).items() if name != "rows"}
        tables = tables_text(tables_of(report.rows))
        text = json.dumps(head, indent=1, sort_keys=True, allow_nan=False)[:-2] + f',\n "tables": {tables}\n}}\n'
    write_checked(path, text.encode())


def read_report(path: Path) -> Report:
    """The report in a file.

    Raises:
        InputError: missing, without its checksum, too large, damaged, or not a report.
    """
    try:
        fields = json.loads(read_checked(path, MAX_REPORT_BYTES))
        rows = rows_of(fields.pop("tables")) if "tables" in fields else map(dict, fields["rows"])
        return Report(**fields | {"rows": tuple(rows)})
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path.name} is not a report: {error}") from error


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
