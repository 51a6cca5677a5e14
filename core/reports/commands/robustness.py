"""The report `robustness` as a command; the report `orderings` is written beside it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.norms import radius_words
from core.reports.accuracy.report import radius
from core.reports.adversarial.report import NAME as ADVERSARIAL
from core.reports.adversarial.report import Adversarial
from core.reports.claims import robustness
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request, batch_seed
from core.reports.form.report import Row, write_report
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries, settings_from
from core.reports.robustness.measurements import PARTS, RobustnessSettings, Unit
from core.reports.robustness.report import BATCH, Robustness, robustness_report


def _run(request: Request[RobustnessSettings]) -> Answer:
    measured = robustness_report(request)
    beside = None if request.path is None else request.path.with_name(f"{ADVERSARIAL}.json")
    claims = robustness.orderings(measured, Adversarial.read(beside) if beside and beside.exists() else None)
    if request.path is not None:
        write_report(claims, request.path.with_name(f"{robustness.NAME}.json"))
    return Answer(measured.report, (*map(_line, measured.report.rows), *map(_claim, claims.rows)))


def _line(row: Row) -> str:
    cost = "" if row["cost"] is None else f", cost {row['cost']:.1f}"
    return (
        f"{row['model']:28} {radius(row):12} clean {row['clean']:.1%}, PGD {row['pgd']:.1%}, "
        f"APGD {row['apgd']:.1%} (n = {row['apgd_n']:,}){cost}  {row['masking']}"
    )


def _claim(row: Row) -> str:
    form = "+.1%" if row["unit"] == "share" else "+.4f"
    difference, low, high = (format(row[f"difference{end}"], form) for end in ("", "_low", "_high"))
    interval = f"{difference} ({low} to {high})"
    return f"{row['holds']:9} {interval:28} {row['model']} against {row['against']}, {row['measure']}: {row['claim']}"


FIGURES: Mapping[str, tuple[str, str]] = {
    "pgd": ("curve", "smallest"),
    "single_step": ("quick", "standing_single_step"),
    "far": ("quick", "standing_far"),
}
"""Figures that can be recomputed without a library of others: the part of a measurement, and its array."""


def _recompute(sample: Sample) -> Recomputation:
    """A network's accuracy under one of the attacks, image by image."""
    found = Robustness.read(sample.path)
    row, figure = sample.draw.choice(found.report.rows), sample.draw.choice(sorted(FIGURES))
    part, array = FIGURES[figure]
    name = f"{array}_{row['norm']}"
    reported = found.arrays[f"{name}__{row['model']}"]
    model, n = sample.network(row), sample.count(len(reported))
    settings = settings_from(RobustnessSettings, found.report.settings)
    again = [
        PARTS[part](Unit(model.fast, model.task, x, labels, settings, batch_seed(settings.seed, start)))[name]
        for start, x, labels in sample.batches(n, BATCH)
    ]
    epsilon = row["far_epsilon"] if figure == "far" else row["epsilon"]
    standing = _standing(figure, row["epsilon"])
    return from_entries(
        f"{row['model']}, right under {figure.replace('_', ' ')}, {row['norm']} {radius_words(row['norm'], epsilon)}",
        standing(reported[:n]),
        standing(np.concatenate(again)),
    )


def _standing(figure: str, epsilon: float) -> Callable[[NDArray[Any]], NDArray[np.bool_]]:
    """From a figure's array to who stands."""
    return lambda values: values > np.float32(epsilon) if figure == "pgd" else values


SIZED = sized(RobustnessSettings, "images", "floor_images", "shared_images", "clean_images")
COMMAND = Command(SIZED, _run, _recompute)
