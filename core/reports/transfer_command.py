"""The report `transfer` as a command; the report `transfer-readings` is written beside it."""

from collections.abc import Iterator, Sequence

from core.reports import transfer_readings
from core.reports.command import Answer, Command, Request
from core.reports.report import Row, write_report
from core.reports.transfer import TransferSettings, transfer_report


def _settings(images: int | None, seed: int) -> TransferSettings:
    return TransferSettings(seed=seed) if images is None else TransferSettings(images, seed)


def _run(request: Request[TransferSettings]) -> Answer:
    made = transfer_report(
        request.models,
        request.data,
        request.settings,
        request.scratch,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
    found = transfer_readings.readings(made)
    if request.path is not None:
        write_report(found, request.path.with_name(f"{transfer_readings.NAME}.json"))
    radius = request.models[0].task.radii["linf"]
    told = [row for row in made.report.rows if row["epsilon"] == radius]
    return Answer(made.report, (*_lines(told), *map(_verdict, transfer_readings.verdicts(found.rows))))


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each attack and source: accuracy of the source itself, and of the others."""
    for attack, source in dict.fromkeys((row["attack"], row["source"]) for row in rows):
        of_source = [row for row in rows if (row["attack"], row["source"]) == (attack, source)]
        itself = [row["accuracy"] for row in of_source if row["model"] == source]
        others = [row["accuracy"] for row in of_source if row["model"] != source]
        line = f"{attack:14} epsilon {of_source[0]['epsilon']:.3g} against {source:28}"
        line += "".join(f" itself {share:6.1%}" for share in itself)
        yield line + (f", others {min(others):.1%} to {max(others):.1%}" if others else "")


def _verdict(found: transfer_readings.Verdict) -> str:
    counts = f"{found.held} held and {found.reversed} reversed of {found.of}"
    return f"{found.reading:2} {found.verdict:9} {counts}: {found.claim}"


COMMAND = Command(_settings, _run)
