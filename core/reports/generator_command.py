"""The report `generator` as a command."""

from pathlib import Path

from core.data.datasets import load
from core.data.tasks import task_named
from core.latent.generator import ASSETS, load_generator
from core.reports.command import Answer, Command, Request
from core.reports.generator import GeneratorSettings, generator_report
from core.reports.report import Row, common_task


def _run(request: Request[GeneratorSettings]) -> Answer:
    task = common_task(request.models, request.data)
    folder = Path(request.settings.folder) if request.settings.folder else ASSETS
    report = generator_report(
        load_generator(task.key, folder),
        request.models,
        request.data,
        load(task_named(task.key), "calibration"),
        request.settings,
        request.path,
        request.on_progress,
        allow_uncommitted=request.allow_uncommitted,
    )
    return Answer(report, tuple(map(_line, report.rows)))


def _line(row: Row) -> str:
    interval = f" ({row['value_low']:.4f} to {row['value_high']:.4f})" if "value_low" in row else ""
    subject = ", ".join(str(row[name]) for name in ("model", "class") if row[name] != "")
    return f"{row['of']:16} {row['metric']:15} {subject:24} {row['value']:.4f}{interval}, n = {row['value_n']:,}"


COMMAND = Command(GeneratorSettings, _run, ("standard", "pgd-linf", "pgd-l2"))
