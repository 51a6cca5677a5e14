"""`robustscope verify`: make one figure of each report of a task again, and hold it against what is reported."""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from core.cli.device import add_device, on_device
from core.cli.options import count, seed, task_command
from core.cli.output import say
from core.data.tasks import task_named
from core.errors import ConfigError, CoreError
from core.reports.catalogue import REPORTS, command_of

if TYPE_CHECKING:
    import torch

    from core.models.zoo import ZooModel
    from core.reports.form.verification import Recomputation

SAMPLE = 16
"""Images, where a sample is asked for without a number."""


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    verify = task_command(
        commands, shared, "verify", "recompute one figure of each report of a task from weights and data"
    )
    verify.add_argument("--report", choices=REPORTS, help="this one alone")
    verify.add_argument(
        "--sample",
        type=count,
        nargs="?",
        const=SAMPLE,
        metavar="N",
        help=f"on the first N images alone (default: {SAMPLE}); without it, on all that a figure rests on",
    )
    verify.add_argument("--seed", type=seed, default=0, help="draws the figures")
    add_device(verify)
    verify.set_defaults(action=_verify)


def _verify(options: argparse.Namespace) -> int:
    found = []
    for name, outcome in _outcomes(options):
        found.append(_stated(name, outcome))
        if not options.json:
            say(_line(name, outcome))
    if options.json:
        say(json.dumps(found, indent=1))
    return 0 if all(each["agrees"] for each in found) else 1


def _outcomes(options: argparse.Namespace) -> "Iterator[tuple[str, Recomputation | str]]":
    """By report what came out, or why nothing could."""
    from core.models.zoo import load_zoo_model
    from core.reports.form.report import report_path
    from core.reports.form.verification import Sample

    task = task_named(options.task)
    names = [name for name in ([options.report] if options.report else REPORTS) if report_path(task.key, name).exists()]
    if not names:
        raise ConfigError(f"{task.key} has no such report" if options.report else f"{task.key} has no report")
    pictures = cache(lambda of: of(task))

    @cache
    def network(key: str) -> "ZooModel":
        return load_zoo_model(task.key, key)

    def recomputed(device: "torch.device", name: str) -> "Recomputation":
        draw = random.Random(f"{options.seed} {task.key} {name}")  # so that one report alone draws what it does in all
        path, command = report_path(task.key, name), command_of(name)
        there = pictures(command.pictures).on(device)
        return command.recompute(Sample(path, there, options.sample, draw, lambda key: network(key).on(device)))

    for name in names:
        try:
            yield name, on_device(options, partial(recomputed, name=name))
        except CoreError as error:
            yield name, str(error)


def _line(name: str, outcome: "Recomputation | str") -> str:
    if isinstance(outcome, str):
        return f"{name:13} NOT RECOMPUTED: {outcome}"
    entries = "" if outcome.differing is None else f", {outcome.differing} of {outcome.n} images differ"
    return (
        f"{name:13} {outcome.figure}: reported {outcome.reported:.5g}, recomputed {outcome.recomputed:.5g} "
        f"(must lie in {outcome.low:.5g} to {outcome.high:.5g}, n = {outcome.n:,}{entries}): "
        f"{'agrees' if outcome.agrees else 'DISAGREES'}"
    )


def _stated(name: str, outcome: "Recomputation | str") -> dict[str, Any]:
    if isinstance(outcome, str):
        return {"report": name, "agrees": False, "error": outcome}
    return {"report": name, **asdict(outcome), "agrees": outcome.agrees}
