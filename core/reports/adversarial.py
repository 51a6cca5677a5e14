"""The report `adversarial`: how far each image of a task lies from being misclassified, network by network.

Rows, one per model; sizes are RMSE in [0, 1] pixel units; a figure `f` comes with `f_low`, `f_high` at 95 % and `f_n`
images (null where a figure has no value):

- `model`, `sha256` of its weights;
- `accuracy`: share right when clean, of the images that are attacked;
- `ara`: the accuracy-robustness area of the attack ("the label is no longer the prediction") in the reference's form,
  without clamp; `ara_binned`: the same with the reference's 1,000 bins, beside the exact sum;
- `btr_ara`, `btr_ara_binned`: likewise with "better than random" ("the label's probability is at most 1/K");
- `ara_clamped`, `ara_clamped_binned`: of images kept in [0, 1], searched more finely: what is compared with a library's
  minimum-norm attack. Where the finer search counts for more than the clamp, it lies below `ara`;
- `median_rmse`: the median distance of the attack over the images that are right when clean;
- `<measure>_censored`: images for which nothing was found. They count as right up to the largest distance found;
- `<measure>_late`: images that did not reach their goal in the first half of the reference's steps; the reference
  refuses these settings where there are any;
- `<measure>_seconds`: what the searches took.

Arrays, in the data set's order of images (n is 1,000 for some models and 500 for others: take the array's length), for
`<search>` attack, btr and clamped:

- `distance_<search>__<model>` float32 (n,): the smallest RMSE found that meets the goal; 0 where the image meets it
  unchanged, inf where nothing was found. Measured from the images, and their success by a pass of its own;
- `first_<search>__<model>` int16 (n,): the step of the reference before which the goal was first met, -1 for never.

Norms of input gradients for the true label and the next one are in the report `robustness`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.models.zoo import ZooModel
from core.reports.adversarial_parts import SEARCHES, AdversarialSettings, Part, measure
from core.reports.adversarial_rows import row
from core.reports.report import (
    ASSETS,
    Arrays,
    Report,
    Row,
    common_task,
    provenance,
    read_arrays,
    read_report,
    report_path,
    write_arrays,
    write_report,
)
from core.reports.scratch import Scratch

NAME = "adversarial"
BATCH = 100

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Adversarial:
    """The report with its arrays per image; the module's text says what is in both."""

    report: Report
    arrays: Arrays


def read_adversarial(task: str, folder: Path = ASSETS) -> Adversarial:
    """The report of a task, by the task's key.

    Raises:
        InputError: the report or its arrays are missing or damaged.
    """
    return _read(report_path(task, NAME, folder))


def adversarial_report(
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: AdversarialSettings,
    scratch: Path,
    path: Path | None = None,
    on_progress: OnProgress = lambda what, done, of: None,
) -> Adversarial:
    """The report over the networks of one task.

    Args:
        models: classifiers of one task.
        data: labelled images of that task.
        settings: what to measure.
        scratch: folder for what is measured so far, a file for each batch of each search, so that a killed run goes on
            within minutes of where it stopped; several runs may share it.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data and
            weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.

    Raises:
        InputError: no images, networks of several tasks, images of another shape, or a folder can't be written.
    """
    task = common_task(models, data)
    stated = settings.stated(task.key) | {"data": data.origin, "test_images": len(data), "batch": BATCH}
    store = Scratch(scratch / task.key, {"report": NAME} | stated)
    known = _Known(task, stated, path, {model.card.key: model.card.sha256 for model in models})
    for model in models:
        if model.card.key in known.rows:
            continue
        count = min(settings.images_of(task.key, model.card.key), len(data))
        arrays, seconds = _measured(model, data.first(count), settings, store, on_progress)
        known.add({"sha256": model.card.sha256} | row(task.classes, model.card.key, settings, seconds, arrays), arrays)
    return known.result()


def _measured(
    model: ZooModel, data: LabelledImages, settings: AdversarialSettings, store: Scratch, on_progress: OnProgress
) -> tuple[Part, dict[str, float]]:
    """The arrays of one network by their full names, and the seconds of each search."""
    arrays: Part = {}
    seconds: dict[str, float] = {}
    for name in SEARCHES:
        found: list[Part] = []
        for start in range(0, len(data), BATCH):
            stop = min(start + BATCH, len(data))
            x, labels = data.images(start, stop), data.labels[start:stop]
            make = partial(measure, model.fast, x, labels, settings.search(name))
            found.append(store.get(f"{model.card.key}-{name}-{start}-{stop}", model.card.sha256, make))
            on_progress(f"{model.card.key} {name}", stop, len(data))
        seconds[name] = sum(float(part.pop("seconds")) for part in found)
        for what in found[0]:
            arrays[f"{what}_{name}__{model.card.key}"] = np.concatenate([part[what] for part in found])
    return arrays, seconds


class _Known:
    """The report as far as it is known; written after each addition, so that nothing measured is lost."""

    def __init__(self, task: Task, stated: dict[str, Any], path: Path | None, weights: Mapping[str, str]) -> None:
        self.task = task
        self.stated = stated
        self.path = path
        self.weights = weights
        self.rows: dict[str, Row] = {}
        self.arrays: dict[str, NDArray[Any]] = {}
        self._join_what_is_kept()

    def add(self, row: Row, arrays: Part) -> None:
        """Take in a network, and write the report."""
        self._join_what_is_kept()
        self.rows[row["model"]] = row
        self.arrays |= arrays
        if self.path is not None:
            result = self.result()
            write_arrays(result.arrays, self.path.with_suffix(".npz"))
            write_report(result.report, self.path)

    def result(self) -> Adversarial:
        """Report and arrays."""
        keys = sorted(self.rows, key=lambda key: (key != "standard", key))
        rows = tuple(self.rows[key] for key in keys)
        spent = sum(value for row in rows for name, value in row.items() if name.endswith("_seconds"))
        source = provenance(self.stated["data"], self.stated["seed"], spent)
        return Adversarial(Report(self.task.key, NAME, self.stated, source, rows), dict(self.arrays))

    def _join_what_is_kept(self) -> None:
        """Take in what the file holds and still is true: another process may have measured other networks meanwhile."""
        if self.path is None or not self.path.exists() or not self.path.with_suffix(".npz").exists():
            return
        earlier = _read(self.path)
        if dict(earlier.report.settings) != self.stated:
            return
        rows = {row["model"]: row for row in earlier.report.rows}
        kept = {key: row for key, row in rows.items() if self.weights.get(key, row["sha256"]) == row["sha256"]}
        self.rows = kept | self.rows
        self.arrays = {name: a for name, a in earlier.arrays.items() if name.split("__")[1] in kept} | self.arrays


def _read(path: Path) -> Adversarial:
    return Adversarial(read_report(path), read_arrays(path.with_suffix(".npz")))
