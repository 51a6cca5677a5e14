"""The report `adversarial` as a command."""

from core.reports.adversarial import adversarial_report
from core.reports.adversarial_parts import AdversarialSettings
from core.reports.command import Answer, Command, Request
from core.reports.report import Row


def _settings(images: int | None, seed: int) -> AdversarialSettings:
    if images is None:
        return AdversarialSettings(seed=seed)
    return AdversarialSettings(images=images, more_images=images, seed=seed)


def _run(request: Request[AdversarialSettings]) -> Answer:
    measured = adversarial_report(
        request.models,
        request.data,
        request.settings,
        request.scratch,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
    return Answer(measured.report, tuple(map(_line, measured.report.rows)))


def _line(row: Row) -> str:
    figures = (
        f"{words} {_size(row[name])} ({_size(row[f'{name}_low'])} to {_size(row[f'{name}_high'])})"
        for words, name in (("ARA", "ara"), ("BTR", "btr_ara"), ("clamped", "ara_clamped"), ("median", "median_rmse"))
    )
    return f"{row['model']:28} clean {row['accuracy']:.1%}, {', '.join(figures)}, RMSE (n = {row['ara_n']:,})"


def _size(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


COMMAND = Command(_settings, _run)
