"""The report `saliency` as a command."""

from core.reports.command import Answer, Command, Request
from core.reports.report import Row
from core.reports.saliency import saliency_report
from core.reports.saliency_parts import SaliencySettings


def _settings(images: int | None, seed: int) -> SaliencySettings:
    return (
        SaliencySettings(seed=seed) if images is None else SaliencySettings(images, images, images, images, seed=seed)
    )


def _run(request: Request[SaliencySettings]) -> Answer:
    made = saliency_report(
        request.models,
        request.data,
        request.settings,
        request.scratch,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
    return Answer(made.report, tuple(map(_line, made.report.rows)))


def _line(row: Row) -> str:
    measure = row["measure"] + (f" against {row['against']}" if "against" in row else "")
    head = f"{row['model']:16} {row['method']:24} {measure:44} "
    if row["value"] is None:
        return head + f"no figure (n = {row['value_n']})"
    return head + f"{row['value']:.3f} ({row['value_low']:.3f} to {row['value_high']:.3f}, n = {row['value_n']})"


COMMAND = Command(_settings, _run)
