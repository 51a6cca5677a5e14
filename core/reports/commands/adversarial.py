"""The report `adversarial` as a command."""

from dataclasses import replace
from functools import partial

import numpy as np

from core.metrics.ara import ara
from core.reports.adversarial.measurements import REACH_FIGURES, AdversarialSettings, measure, reached
from core.reports.adversarial.report import BATCH, Adversarial, adversarial_report
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request, batch_seed
from core.reports.form.report import Row
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_entries, settings_from


def _run(request: Request[AdversarialSettings]) -> Answer:
    measured = adversarial_report(request)
    return Answer(measured.report, tuple(map(_line, measured.report.rows)))


def _line(row: Row) -> str:
    figures = (
        f"{words} {_size(row[name])} ({_size(row[f'{name}_low'])} to {_size(row[f'{name}_high'])})"
        for words, name in (("ARA", "ara"), ("BTR", "btr_ara"), ("clamped", "ara_clamped"), ("median", "median_rmse"))
        if name in row
    )
    return f"{row['model']:28} clean {row['accuracy']:.1%}, {', '.join(figures)}, RMSE (n = {row['ara_n']:,})"


def _size(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _recompute(sample: Sample) -> Recomputation:
    """A network's area, from the distance of each image that the row is of, or what APGD leaves within a radius."""
    found = Adversarial.read(sample.path)
    row = sample.draw.choice([row for row in found.report.rows if row["ara"] is not None])
    if f"reach__{row['model']}" in found.arrays and sample.draw.random() < 0.5:
        return _reached_again(sample, found, row)
    return _area_again(sample, found, row)


def _area_again(sample: Sample, found: Adversarial, row: Row) -> Recomputation:
    """The area, found by what the network's search followed."""
    model, first = sample.network(row), row["first_image"]
    reported = found.arrays[f"distance_attack__{row['model']}"][-row["ara_n"] :]
    n = sample.count(len(reported))
    own = replace(sample, data=sample.data.part(first, first + n))
    searched = partial(
        measure,
        model.fast,
        search=settings_from(AdversarialSettings, found.report.settings).search("attack"),
        softened=row["loss"] == "softened",
    )
    again = [searched(x, labels)["distance"] for _, x, labels in own.batches(n, BATCH)]
    return from_entries(
        f"{row['model']}, area (ARA), RMSE",
        reported[:n].astype(np.float64),
        np.concatenate(again).astype(np.float64),
        lambda distances: ara(distances, model.task.classes).value,
    )


def _reached_again(sample: Sample, found: Adversarial, row: Row) -> Recomputation:
    """What APGD leaves within a radius that is drawn."""
    model, first = sample.network(row), row["first_image"]
    radii = [row[f"{name}_l2"] for name in REACH_FIGURES]
    upto = sample.draw.choice(range(len(radii))) + 1
    reported = found.arrays[f"reach__{row['model']}"]
    n = sample.count(len(reported))
    own = replace(sample, data=sample.data.part(first, first + n))
    seed = found.report.settings["seed"]
    again = [
        reached(model.fast, x, labels, radii[:upto], batch_seed(seed, start))["reach"]
        for start, x, labels in own.batches(n, BATCH)
    ]
    return from_entries(
        f"{row['model']}, accuracy under APGD within {radii[upto - 1]:g}, L2",
        reported[:n] > radii[upto - 1],
        np.concatenate(again) > radii[upto - 1],
    )


COMMAND = Command(sized(AdversarialSettings, "images", "more_images"), _run, _recompute)
