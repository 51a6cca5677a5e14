"""The report `robustness` as a command; the report `orderings` is written beside it."""

from core.reports import orderings
from core.reports.accuracy import radius
from core.reports.command import Answer, Command, Request
from core.reports.report import Row, write_report
from core.reports.robustness import robustness_report
from core.reports.robustness_parts import RobustnessSettings


def _settings(images: int | None, seed: int) -> RobustnessSettings:
    if images is None:
        return RobustnessSettings(seed=seed)
    return RobustnessSettings(images, images, images, images, seed=seed)


def _run(request: Request[RobustnessSettings]) -> Answer:
    measured = robustness_report(
        request.models, request.data, request.settings, request.scratch, request.path, request.on_progress
    )
    claims = orderings.orderings(measured)
    if request.path is not None:
        write_report(claims, request.path.with_name(f"{orderings.NAME}.json"))
    return Answer(measured.report, (*map(_line, measured.report.rows), *map(_claim, claims.rows)))


def _line(row: Row) -> str:
    cost = "" if row["cost"] is None else f", cost {row['cost']:.1f}"
    return (
        f"{row['model']:28} {radius(row):12} clean {row['clean']:.1%}, PGD {row['pgd']:.1%}, "
        f"APGD {row['apgd']:.1%} (n = {row['apgd_n']:,}){cost}  {row['masking']}"
    )


def _claim(row: Row) -> str:
    interval = f"{row['difference']:+.1%} ({row['difference_low']:+.1%} to {row['difference_high']:+.1%})"
    return f"{row['holds']:9} {interval:28} {row['model']} against {row['against']}, {row['measure']}: {row['claim']}"


COMMAND = Command(_settings, _run)
