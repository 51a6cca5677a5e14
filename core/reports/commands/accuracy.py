"""The report `accuracy` as a command."""

from dataclasses import replace

from core.reports.accuracy.report import AccuracySettings, accuracy_report, in_words, radius
from core.reports.form.command import Answer, Command, Request
from core.reports.form.report import read_report
from core.reports.form.verification import Recomputation, Sample, from_rows, settings_from


def _settings(images: int | None, seed: int) -> AccuracySettings:
    return AccuracySettings(images, seed=seed)


def _run(request: Request[AccuracySettings]) -> Answer:
    report = accuracy_report(
        request.models,
        request.data,
        request.settings,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
    rows = {model.card.key: [row for row in report.rows if row["model"] == model.card.key] for model in request.models}
    return Answer(report, tuple(f"{key:12} {in_words(found)}" for key, found in rows.items()))


def _recompute(sample: Sample) -> Recomputation:
    """A network's accuracy under PGD; the report keeps no entry an image."""
    report = read_report(sample.path)
    row = sample.draw.choice(report.rows)
    n = sample.count(row["robust_n"])
    settings = replace(settings_from(AccuracySettings, report.settings), images=n, robust_images=n)
    made = accuracy_report([sample.network(row)], sample.data, settings)
    again = next(each for each in made.rows if each["norm"] == row["norm"])
    return from_rows(f"{row['model']}, accuracy under PGD-{settings.steps}, {radius(row)}", "robust", row, again)


COMMAND = Command(_settings, _run, _recompute)
