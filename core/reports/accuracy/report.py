"""The report `accuracy`: how often a classifier is right, on clean images and under PGD-50."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.errors import ConfigError
from core.models.zoo import ZooModel
from core.norms import NORMS, Norm, radius_words
from core.progress import OnPartProgress, silent_on_parts
from core.reports.form import chosen
from core.reports.form.provenance import Run, origin, refuse_uncommitted, runs_of
from core.reports.form.report import Report, Row, common_task, read_report, share, write_report

NAME = "accuracy"
BATCH = 250


@dataclass(frozen=True, slots=True)
class AccuracySettings:
    """What the report measures.

    Attributes:
        images: clean accuracy is taken on the first so many images; None takes all.
        robust_images: accuracy under attack is taken on the first so many of those, or on as many after the ones that
            chose the network's recipe.
        steps: PGD steps, of size 2.5 epsilon / steps.
        restarts: random starts; an image counts as right only if no iterate of any of them is misclassified.
        seed: of the random starts.

    Raises:
        ConfigError: a count below 1.
    """

    images: int | None = None
    robust_images: int = 1000
    steps: int = 50
    restarts: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if min(1 if self.images is None else self.images, self.robust_images, self.steps, self.restarts) < 1:
            raise ConfigError(f"images, robust_images, steps and restarts must be at least 1; got {self}")

    def attack(self, norm: Norm, epsilon: float) -> Pgd:
        """The attack whose survivors are counted: float32, random start, clamped to [0, 1]."""
        return Pgd(epsilon, norm, self.steps, restarts=self.restarts, stop_when_wrong=True)


def accuracy_report(
    models: Sequence[ZooModel],
    data: LabelledImages,
    settings: AccuracySettings,
    path: Path | None = None,
    on_progress: OnPartProgress = silent_on_parts,
    allow_uncommitted: bool = False,
) -> Report:
    """Clean accuracy and accuracy under PGD for each model and norm, at the task's radii, with Wilson intervals.

    Rows have the keys `model`, `clean`, `clean_n`, `robust`, `robust_n`, `norm`, `epsilon`, with `clean_low`,
    `clean_high`, `robust_low`, `robust_high`; shares in [0, 1]. `robust` is of as many images as `robust_n` says,
    beginning with number `robust_first` (see `core.reports.form.chosen`).

    Args:
        models: classifiers of one task.
        data: labelled images of that task.
        settings: what to measure.
        path: where the report is kept; rows that are there already with the same settings, data and weights are kept,
            other models' rows too, so that an interrupted report goes on where it stopped. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.
        allow_uncommitted: keep the report also where no commit stands for the code.

    Raises:
        InputError: no images, models of several tasks, images of another shape, or `path` can't be written.
        ConfigError: the report is to be kept, the code is uncommitted, and that is not allowed.
    """
    task = common_task(models, data)
    data = data if settings.images is None else data.first(settings.images)
    stated: dict[str, Any] = {**asdict(settings), "images": len(data), "radii": dict(task.radii), "data": data.origin}
    stated |= {"precision": "float32, fast form", **chosen.stated(task.key)}
    refuse_uncommitted(path, allow_uncommitted)
    rows, runs, spent = _rows_so_far(path, stated, models)
    for model in models:
        if all((model.card.key, norm) in rows for norm in NORMS):
            continue
        began = time.perf_counter()
        fresh = {(row["model"], row["norm"]): row for row in _measure(model, data, settings, on_progress)}
        if path is not None:  # read again: another process may have measured another model meanwhile
            earlier, its, spent = _rows_so_far(path, stated, models)
            rows, runs = rows | earlier, {**runs, **its}
        run = Run.ended(time.perf_counter() - began)
        runs[run.identity] = run
        rows |= {cell: row | {"made": run.identity} for cell, row in fresh.items()}
        spent += run.seconds
        if path is not None:
            write_report(_report(task, data, settings, stated, rows, runs, spent), path)
    return _report(task, data, settings, stated, rows, runs, spent)


def _report(
    task: Task,
    data: LabelledImages,
    settings: AccuracySettings,
    stated: dict[str, Any],
    rows: Mapping[tuple[str, str], Row],
    runs: Mapping[str, Run],
    seconds: float,
) -> Report:
    """The report, with the runs that its rows name."""
    used = {row["made"] for row in rows.values() if "made" in row}
    source = origin(data.origin, settings.seed, seconds, [run for one, run in runs.items() if one in used])
    return Report(task.key, NAME, stated, source, tuple(rows.values()))


def _rows_so_far(
    path: Path | None, stated: dict[str, Any], models: Sequence[ZooModel]
) -> tuple[dict[tuple[str, str], Row], dict[str, Run], float]:
    """Rows of an earlier run that still hold, by model and norm, the runs that they name, and the seconds they took."""
    if path is None or not path.exists():
        return {}, {}, 0.0
    earlier = read_report(path)
    if dict(earlier.settings) != stated:
        return {}, {}, 0.0
    weights = {model.card.key: model.card.sha256 for model in models}
    kept = [row for row in earlier.rows if weights.get(row["model"], row["sha256"]) == row["sha256"]]
    runs = {run.identity: run for row in kept for run in runs_of(earlier.provenance, row)}
    return {(row["model"], row["norm"]): row for row in kept}, runs, float(earlier.provenance["seconds"])


def _measure(
    model: ZooModel, data: LabelledImages, settings: AccuracySettings, on_progress: OnPartProgress
) -> Iterator[Row]:
    """One row per norm for one model."""
    right = torch.cat([_right(model, x, labels) for _, x, labels in _batches(data, model.card.key, on_progress)])
    hits, n = int(right.sum()), len(data)
    clean = share("clean", hits, n)
    first = chosen.first_image(data, model.card.task, model.card.key, settings.robust_images)
    attacked, stands = data.part(first, first + settings.robust_images), right[first:]
    for index, (norm, epsilon) in enumerate(model.task.radii.items()):
        attack = settings.attack(norm, epsilon)
        standing = 0
        for start, x, labels in _batches(attacked, f"{model.card.key} under {norm}", on_progress):
            generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + index * 100_003 + first + start)
            alive = stands[start : start + len(x)]
            x_adv = attack(model.fast, x[alive], labels[alive], generator)
            standing += int(_right(model, x_adv, labels[alive]).sum())
        yield {
            "model": model.card.key,
            "sha256": model.card.sha256,
            "norm": norm,
            "epsilon": epsilon,
            **clean,
            **share("robust", standing, len(attacked)),
            "robust_first": first,
        }


def _batches(data: LabelledImages, what: str, on_progress: OnPartProgress) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Start, images and labels of each batch in turn, telling `on_progress` after each."""
    for start in range(0, len(data), BATCH):
        yield start, data.images(start, start + BATCH), data.labels[start : start + BATCH]
        on_progress(what, min(start + BATCH, len(data)), len(data))


def _right(model: ZooModel, x: Tensor, labels: Tensor) -> Tensor:
    """Whether each image is classified as labelled (B,)."""
    with torch.no_grad():
        correct: Tensor = model.fast(x).argmax(1) == labels
        return correct


def in_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """Clean and robust accuracy of one model's rows, from its card or a report, in one line."""
    if not rows:
        return "not measured yet"
    clean = f"clean {rows[0]['clean']:.2%} (n = {rows[0]['clean_n']:,})"
    return ", ".join([clean, *(f"{row['robust']:.1%} at {radius(row)} ({attacked_in_words(row)})" for row in rows)])


def attacked_in_words(row: Mapping[str, Any]) -> str:
    """How many images of a row were attacked, and which where they are not the first."""
    count, first = int(row["robust_n"]), int(row.get("robust_first", 0))
    return f"n = {count:,}" + (f", {chosen.images_in_words(first, count)}" if first else "")


def radius(row: Mapping[str, Any]) -> str:
    """The norm and radius of a row."""
    return f"{row['norm']} {radius_words(row['norm'], row['epsilon'])}"
