"""The report `generator` as a command."""

from dataclasses import replace
from pathlib import Path

from core.data.datasets import load
from core.data.tasks import task_named
from core.errors import InputError
from core.latent.autoencoder import ASSETS, load_autoencoder
from core.metrics.samples import NEIGHBOUR
from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Request
from core.reports.form.report import Row, read_report
from core.reports.form.settings import sized
from core.reports.form.verification import Recomputation, Sample, from_rows, settings_from
from core.reports.generator.report import GeneratorSettings, generator_report


def _run(request: Request[GeneratorSettings]) -> Answer:
    task = request.task
    folder = Path(request.settings.folder) if request.settings.folder else ASSETS
    device = request.data.device
    report = generator_report(
        request, load_autoencoder(task.key, folder).on(device), load(task, "calibration").on(device)
    )
    return Answer(report, tuple(map(_line, report.rows)))


def _line(row: Row) -> str:
    interval = f" ({row['value_low']:.4f} to {row['value_high']:.4f})" if "value_low" in row else ""
    subject = ", ".join(str(row[name]) for name in ("model", "class") if row[name] != "")
    return f"{row['of']:16} {row['metric']:15} {subject:24} {row['value']:.4f}{interval}, n = {row['value_n']:,}"


FIGURES = ("code_norm", "mse", "ssim", "distance", "accuracy", "LRA", "LGA")
"""Figures that mean the same of few images as of many."""


def _recompute(sample: Sample) -> Recomputation:
    """One figure of the generator that ships; the report keeps no entry an image."""
    report = read_report(sample.path)
    autoencoder = load_autoencoder(report.task).on(sample.data.device)
    if autoencoder.card.sha256 != report.settings["generator"]:
        raise InputError(f"{sample.path.name} tells of another generator than the one that is here")
    row = sample.draw.choice([row for row in report.rows if row["metric"] in FIGURES])
    key = row["model"] or next(iter(report.settings["models"]))
    model = sample.network({"model": key}, report.settings["models"])
    n = max(sample.count(report.settings["images"]), NEIGHBOUR + 1)
    settings = replace(settings_from(GeneratorSettings, report.settings), images=n)
    others = load(task_named(report.task), "calibration")
    made = generator_report(Request([model], sample.data, settings), autoencoder, others)
    same = ("of", "metric", "class", "model")
    again = next(each for each in made.rows if all(each[name] == row[name] for name in same))
    subject = f", {row['model']}" if row["model"] else ""
    return from_rows(f"{row['of']}, {row['metric']}{subject}", "value", row, again)


COMMAND = Command(
    sized(GeneratorSettings, "images"), _run, _recompute, ("standard", "pgd-linf", "pgd-l2"), batches=False
)
