"""The report `fooling` as a command."""

from core.reports.command import Answer, Command, Request
from core.reports.fooling import MODELS, FoolingSettings, fooling_report
from core.reports.report import Row


def _settings(images: int | None, seed: int) -> FoolingSettings:
    return FoolingSettings(seed=seed) if images is None else FoolingSettings(images, seed)


def _run(request: Request[FoolingSettings]) -> Answer:
    made = fooling_report(
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
    share = f"{row['succeeded']:.0%} ({row['succeeded_low']:.0%} to {row['succeeded_high']:.0%})"
    head = f"{row['model']:16} {row['method']:20} {row['what']:8} {share:18} n = {row['succeeded_n']}, "
    if row["what"] == "moved":
        return head + (
            f"correlation {row['correlation_target']:+.2f} with the target, {row['correlation_original']:+.2f} with "
            f"what was; {row['mass']:.0%} -> {row['mass_adv']:.0%} of the map in place"
        )
    return head + (
        f"inside {row['changed_inside']:.0%}, anywhere {row['changed_anywhere']:.0%}, with "
        f"{row['share_outside']:.0%} of its energy outside on {row['area_outside']:.0%} of the pixels"
    )


COMMAND = Command(_settings, _run, MODELS)
