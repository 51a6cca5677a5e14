"""The report `robustness` as a command; the report `orderings` is written beside it."""

from core.reports import orderings
from core.reports.accuracy import radius
from core.reports.adversarial import NAME as ADVERSARIAL
from core.reports.adversarial import Adversarial
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
        request.models,
        request.data,
        request.settings,
        request.scratch,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
    beside = None if request.path is None else request.path.with_name(f"{ADVERSARIAL}.json")
    claims = orderings.orderings(measured, Adversarial.read(beside) if beside and beside.exists() else None)
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
    form = "+.1%" if row["unit"] == "share" else "+.4f"
    difference, low, high = (format(row[f"difference{end}"], form) for end in ("", "_low", "_high"))
    interval = f"{difference} ({low} to {high})"
    return f"{row['holds']:9} {interval:28} {row['model']} against {row['against']}, {row['measure']}: {row['claim']}"


COMMAND = Command(_settings, _run)
