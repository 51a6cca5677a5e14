"""The report `accuracy` as a command."""

from dataclasses import replace

from core.reports.accuracy.report import AccuracySettings, accuracy_report, in_words, radius
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import read_report
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_rows, settings_from


def _run(request: Request[AccuracySettings]) -> Answer:
    report = accuracy_report(request)
    rows = {model.card.key: [row for row in report.rows if row["model"] == model.card.key] for model in request.models}
    return Answer(report, tuple(f"{key:12} {in_words(found)}" for key, found in rows.items()))


def _recompute(sample: Sample) -> Recomputation:
    """A network's accuracy under PGD; the report keeps no entry an image."""
    report = read_report(sample.path)
    row = sample.draw.choice(report.rows)
    n, first = sample.count(row["robust_n"]), row.get("robust_first", 0)
    settings = replace(settings_from(AccuracySettings, report.settings), images=first + n, robust_images=n)
    made = accuracy_report(Request([sample.network(row)], sample.data, settings))
    again = next(each for each in made.rows if each["norm"] == row["norm"])
    return from_rows(f"{row['model']}, accuracy under PGD-{settings.steps}, {radius(row)}", "robust", row, again)


COMMAND = Command(sized(AccuracySettings, "images"), _run, _recompute)
