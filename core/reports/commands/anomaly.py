"""The report `anomaly` as a command."""

import numpy as np

from core.anomaly.calibration import calibration_path, read_calibration
from core.data.datasets import load
from core.reports.anomaly.measurements import Sizes
from core.reports.anomaly.report import Anomaly, AnomalySettings, anomaly_report
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row, share
from core.reports.form.verification import Recomputation, Sample, from_entries, from_rows


def _settings(images: int | None, seed: int) -> AnomalySettings:
    if images is None:
        return AnomalySettings(seed=seed)
    few = Sizes(images, images, images, max(1, images // 10), images)
    return AnomalySettings(dict.fromkeys(AnomalySettings().sizes, few), images, seed=seed)


def _run(request: Request[AnomalySettings]) -> Answer:
    task = request.task
    paths = {model.card.key: calibration_path(task.key, model.card.key) for model in request.models}
    screens = {model.card.key: read_calibration(model, paths[model.card.key]) for model in request.models}
    made = anomaly_report(request, screens, load(task, "calibration"))
    told = [row for row in made.report.rows if row["family"] != "corruption"]
    return Answer(made.report, tuple(map(_line, told)))


def _line(row: Row) -> str:
    if row["kind"] == "promise":
        return (
            f"{row['model']:16} {row['detector']:12} flags {row['flagged']:.2%} of {row['flagged_n']:,} normal images "
            f"at {row['alpha']:.0%}, {row['promised_low']:.2%} to {row['promised_high']:.2%} promised by "
            f"{row['calibration_n']:,}: {'kept' if row['kept'] else 'BROKEN'}"
        )
    name = f"{row['detector']} ({row['trained_on']})" if row["trained_on"] else row["detector"]
    interval = f"({row['auroc_low']:.3f} to {row['auroc_high']:.3f}, n = {row['auroc_n']:,})"
    return (
        f"{row['model']:16} {name:26} {row['family']:9} {row['against']:14} AUROC {row['auroc']:.3f} {interval}, "
        f"AUPR {row['aupr']:.3f}, FPR95 {row['fpr95']:.3f}"
    )


def _recompute(sample: Sample) -> Recomputation:
    """How many normal images a detector flags; image by image where the report keeps their scores."""
    found = Anomaly.read(sample.path)
    row = sample.draw.choice([row for row in found.report.rows if row["kind"] == "promise"])
    model, detector = sample.network(row), row["detector"]
    screen = read_calibration(model, calibration_path(model.card.task, model.card.key))
    kept = found.arrays.get(f"score_{detector}_test__{row['model']}")
    n = sample.count(row["flagged_n"] if kept is None else len(kept))
    scores = screen.scores(screen.measure(model, sample.data.images(0, n)))[detector]
    flagged = screen.p_values({detector: scores})[detector] <= row["alpha"]
    figure = f"{row['model']}, normal images that {detector} flags at {row['alpha']:.0%}"
    if kept is None:
        hits = round(row["flagged"] * row["flagged_n"])
        return from_rows(
            figure, "flagged", share("flagged", hits, row["flagged_n"]), share("flagged", int(flagged.sum()), n)
        )
    before = screen.p_values({detector: kept[:n].astype(np.float64)})[detector] <= row["alpha"]
    return from_entries(figure, before, flagged)


COMMAND = Command(_settings, _run, _recompute)
