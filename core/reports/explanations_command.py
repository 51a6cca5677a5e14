"""The report `explanations` as a command."""

from core.data.datasets import load
from core.explanations.evidence import JUDGES
from core.models.zoo import cards, load_zoo_model
from core.reports.command import Answer, Command, Request
from core.reports.explanations import ExplanationsSettings, explanations_report
from core.reports.report import Row, common_task


def _settings(images: int | None, seed: int) -> ExplanationsSettings:
    return ExplanationsSettings(seed=seed) if images is None else ExplanationsSettings(images, seed=seed)


def _run(request: Request[ExplanationsSettings]) -> Answer:
    task = common_task(request.models, request.data)
    judges = [load_zoo_model(task.key, key) for key in JUDGES if key in cards(task.key)]
    made = explanations_report(
        request.models,
        judges or request.models,
        request.data,
        load(task, "val"),
        request.settings,
        request.scratch,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
    cuts = made.thresholds
    head = (
        f"draws: two of transfer >= {cuts.transfer:.2f}, low frequencies >= {cuts.low_frequency:.2f}, "
        f"agreement >= {cuts.agreement:.2f}; on val "
        + ", ".join(map(_on_val, made.report.settings["val_draws"].items()))
    )
    return Answer(made.report, (head, *map(_line, made.report.rows)))


def _on_val(share: tuple[str, float]) -> str:
    return f"{share[0]} {share[1]:.0%}"


def _line(row: Row) -> str:
    measures = ", ".join(
        f"{name.replace('_', ' ')} {'-' if row[name] is None else format(row[name], '.2f')}"
        for name in ("transfer", "low_frequency", "agreement")
    )
    interval = f"{row['draws']:.0%} ({row['draws_low']:.0%} to {row['draws_high']:.0%})"
    return f"{row['model']:28} draws {interval:18} n = {row['draws_n']}; {measures}"


COMMAND = Command(_settings, _run)
