"""The report `anomaly` as a command."""

from core.anomaly.screen import read_screen, screen_path
from core.data.datasets import load
from core.reports.anomaly import AnomalySettings, anomaly_report
from core.reports.anomaly_parts import Sizes
from core.reports.command import Answer, Command, Request
from core.reports.report import Row, common_task


def _settings(images: int | None, seed: int) -> AnomalySettings:
    if images is None:
        return AnomalySettings(seed=seed)
    few = Sizes(images, images, images, max(1, images // 10), images)
    return AnomalySettings(dict.fromkeys(AnomalySettings().sizes, few), images, seed)


def _run(request: Request[AnomalySettings]) -> Answer:
    task = common_task(request.models, request.data)
    made = anomaly_report(
        [(model, read_screen(model, screen_path(task.key, model.card.key))) for model in request.models],
        request.data,
        load(task, "calibration"),
        request.settings,
        request.scratch,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
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


COMMAND = Command(_settings, _run)
