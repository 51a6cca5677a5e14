"""The report `seeds` as a command."""

from core.errors import ConfigError
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row, read_report
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_rows, settings_from
from core.reports.seeds.report import COMPARISONS, SeedsSettings, network_rows, networks, seeds_report, trained


def _run(request: Request[SeedsSettings]) -> Answer:
    task = request.task
    if not networks(task.key):
        raise ConfigError(f"the report seeds is for {', '.join(COMPARISONS)}; got {task.key}")
    shipped, others = request.settings.seeds[0], request.settings.seeds[1:]
    here = {model.card.key: model for model in request.models}
    missing = [key for key in networks(task.key) if key not in here]
    if missing:
        raise ConfigError(
            f"the report seeds needs all of {', '.join(networks(task.key))}; without {', '.join(missing)}"
        )
    trainings = {shipped: here}
    trainings |= {
        seed: {key: trained(task.key, key, seed).on(request.data.device) for key in networks(task.key)}
        for seed in others
    }
    report = seeds_report(request, trainings)
    return Answer(report, tuple(_line(row) for row in report.rows if row["kind"] == "comparison"))


def _line(row: Row) -> str:
    value, low, high, least, most = (
        "?" if row[name] is None else f"{row[name]:+.1%}"
        for name in ("difference", "difference_low", "difference_high", "least", "most")
    )
    interval = f"{value} ({low} to {high}; seeds {least} to {most})"
    return f"{row['holds']:9} {interval:48} {row['model']} against {row['against']}, {row['measure']}: {row['claim']}"


def _recompute(sample: Sample) -> Recomputation:
    """A measure of a network that ships, which is the training of the first seed."""
    report = read_report(sample.path)
    settings = settings_from(SeedsSettings, report.settings)
    rows = [row for row in report.rows if row["kind"] == "network" and row["seed"] == settings.seeds[0]]
    row = sample.draw.choice(rows)
    again = network_rows(sample.network(row), sample.data.first(sample.count(row["value_n"])), settings)
    made = next(each for each in again if each["measure"] == row["measure"])
    return from_rows(f"{row['model']}, {row['measure']}", "value", row, made)


COMMAND = Command(sized(SeedsSettings, "images"), _run, _recompute)
