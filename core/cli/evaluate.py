"""`robustscope evaluate`: recompute a report."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli import folders
from core.cli.batch import add_measuring, shared_measuring
from core.cli.device import add_device, on_device
from core.cli.models import choose
from core.cli.options import count, keys, new_file, seed, task_command
from core.cli.output import follow, say
from core.data.tasks import Task, task_named
from core.errors import ConfigError
from core.reports.catalogue import DEFAULT, REPORTS, command_of

if TYPE_CHECKING:
    import torch

    from core.reports.form.command import Answer
    from core.reports.form.report import Report, Row

ACCURACY, GENERATOR = "accuracy", "generator"
"""The reports that have options of their own."""


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    evaluate = task_command(commands, shared, "evaluate", "recompute a report")
    evaluate.add_argument("--models", type=keys, help="keys joined by commas (default: what the report asks for)")
    evaluate.add_argument(
        "--weights", type=Path, help="a classifier from outside: its safetensors file, card beside it"
    )
    evaluate.add_argument(
        "--generator", type=Path, help="in the report generator, a folder that train-generator wrote (default: shipped)"
    )
    evaluate.add_argument("--report", choices=REPORTS, default=DEFAULT)
    evaluate.add_argument("--images", type=count, help="the first N test images (default: what the report asks for)")
    evaluate.add_argument(
        "--robust-images", type=count, help="in the report accuracy, attack the first N of those (default: 1000)"
    )
    evaluate.add_argument("--seed", type=seed, default=0)
    evaluate.add_argument("--data", type=Path, help="a folder of images instead, one subfolder a class")
    evaluate.add_argument(
        "--out", type=new_file, help="the report's file (default: the one that ships, if nothing is changed)"
    )
    evaluate.add_argument(
        "--update-cards", action="store_true", help="write the figures into the shipped models' cards"
    )
    evaluate.add_argument(
        "--allow-uncommitted", action="store_true", help="write the report though no commit stands for the code"
    )
    add_device(evaluate)
    add_measuring(evaluate)
    evaluate.set_defaults(action=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from core.data.datasets import load_folder
    from core.reports.form.measuring import Request

    _check(options)
    task, command = task_named(options.task), command_of(options.report)
    models = choose(options, task, command.models)
    settings = command.settings(options.images, options.seed)
    if options.robust_images:
        settings = replace(settings, robust_images=options.robust_images)
    if options.generator:
        settings = replace(settings, folder=str(options.generator))
    path = _report_file(options, changed=settings != command.settings(None, 0))
    if options.update_cards and path is None:
        raise ConfigError(
            "--update-cards needs the shipped models, the whole test set and the default settings, or --out"
        )
    pictures = command.pictures(task) if options.data is None else load_folder(task, options.data)
    with tqdm(disable=options.json, unit="image") as bar:
        how = (settings, folders.RUNS / "reports", path, follow(bar), options.allow_uncommitted)
        with shared_measuring(options, command.batches, models, pictures) as at_once:

            def work(device: "torch.device") -> "Answer":
                return command.run(Request([model.on(device) for model in models], pictures.on(device), *how, at_once))

            answer = on_device(options, work)
    if options.update_cards:
        _update_cards(task, answer.report)
    if options.json:
        say(answer.report.to_json())
        return 0
    say(*answer.lines)
    if path is not None:
        say(f"report: {os.path.relpath(path)}")
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse options of another report than the one asked for."""
    of_accuracy, of_generator = options.report == ACCURACY, options.report == GENERATOR
    if options.robust_images and not of_accuracy:
        raise ConfigError("--robust-images belongs to the report accuracy")
    if options.update_cards and not (of_accuracy or of_generator):
        raise ConfigError("--update-cards belongs to the reports accuracy and generator")
    if options.generator and not of_generator:
        raise ConfigError("--generator belongs to the report generator")


def _report_file(options: argparse.Namespace, changed: bool) -> Path | None:
    """Where a report is kept: as asked for, or where it ships if it is the one that ships; None keeps nothing."""
    from core.reports.form.report import report_path

    shipped = options.weights is None and options.data is None and not changed
    return options.out or (report_path(options.task, options.report) if shipped else None)


def _update_cards(task: Task, report: "Report") -> None:
    """Write a report's rows into the cards of what they tell of: the shipped models, or the shipped generator."""
    from core.latent import autoencoder
    from core.models.zoo import cards, write_card
    from core.training.zoo_plans import NOTES

    if report.report == GENERATOR:
        made = autoencoder.read_card(autoencoder.ASSETS / f"{task.key}.json")
        if made.sha256 == report.settings["generator"]:
            autoencoder.write_card(replace(made, figures=report.rows, measured=_measured(report, report.rows)))
        return
    for card in cards(task.key).values():
        rows = tuple(row for row in report.rows if row["model"] == card.key and row["sha256"] == card.sha256)
        note = NOTES.get((task.key, card.key), "") if task.trained else card.note
        if rows and (rows, note) != (card.figures, card.note):  # what was measured before says so in its card
            write_card(replace(card, figures=rows, measured=_measured(report, rows), note=note))


def _measured(report: "Report", rows: "Sequence[Row]") -> dict[str, Any]:
    """How and when these rows of a report came about, for a card."""
    from core.reports.form.provenance import origin, runs_of

    runs = {run.identity: run for row in rows for run in runs_of(report.provenance, row)}
    seconds = sum(run.seconds for run in runs.values())
    source = origin(report.provenance["data"], report.provenance["seed"], seconds, runs.values())
    return {"settings": dict(report.settings), "provenance": source}
