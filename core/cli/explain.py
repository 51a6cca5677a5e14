"""`robustscope explain` and `natural`: maps with measures, and answers under changes, of any number of pictures."""

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

from core.cli.batch import PATHS, add_dataset, add_engines, network_keys, run_job
from core.cli.options import count, keys, seed, task_command
from core.cli.output import say
from core.data.tasks import task_named
from core.errors import InputError

if TYPE_CHECKING:
    from core.batch.job import Work


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    explain = _command(commands, shared, "explain", "answers, saliency maps and their measures as Parquet")
    explain.add_argument("--method", type=keys, default=("gradient",), help="keys of methods (default: gradient)")
    explain.add_argument("--measure", type=keys, help="keys of measures (default: four that need a picture alone)")
    explain.add_argument("--png", action="store_true", help="also each map as a grey picture, in the folder `_maps`")
    explain.add_argument("--seed", type=seed, default=0, help="of methods and measures that draw")
    explain.set_defaults(action=_explain)
    natural = _command(commands, shared, "natural", "answers to pictures that are turned, fogged, blurred … as Parquet")
    natural.add_argument("--change", type=keys, help="keys of changes (default: all that the task's pictures can have)")
    natural.add_argument("--amounts", type=count, default=5, help="of each change, about (default: 5)")
    natural.set_defaults(action=_natural)


def _command(commands: Any, shared: argparse.ArgumentParser, name: str, words: str) -> argparse.ArgumentParser:
    command = task_command(commands, shared, name, words)
    command.add_argument("paths", nargs="+", metavar="PATH", help=PATHS)
    command.add_argument("--model", type=keys, required=True, help="keys of networks, joined by commas")
    command.add_argument("--fitting", default="crop", help="how a picture is brought to the task's shape")
    add_dataset(command, required=True)
    add_engines(command)
    return command


def _explain(options: argparse.Namespace) -> int:
    from core.anomaly.own_normal import fitting_named
    from core.batch.explain import MEASURES, ExplainWork

    measures = options.measure or MEASURES
    return _run(
        options,
        ExplainWork(options.method, measures, fitting_named(options.fitting), options.seed, options.png),
        "explained",
    )


def _natural(options: argparse.Namespace) -> int:
    from core.anomaly.own_normal import fitting_named
    from core.batch.natural import NaturalWork
    from core.natural.catalogue import changes_of

    changes = options.change or tuple(changes_of(task_named(options.task).shape[0]))
    return _run(options, NaturalWork(changes, options.amounts, fitting_named(options.fitting)), "changed")


def _run(options: argparse.Namespace, work: "Work[Any]", what: str) -> int:
    """Do the work, and say of how many pictures something came out."""
    from core.batch.job import pack

    networks = [pack(options.task, *one) for one in network_keys(options.task, options.model)]
    done = run_job(options, options.task, work, networks).done.values()
    pictures, errors = sum(each.pictures for each in done), sum(each.errors for each in done)
    if options.json:
        say(json.dumps({what: pictures - errors, "errors": errors, "dataset": str(options.dataset)}))
    else:
        say(f"{pictures - errors:,} pictures {what}, {errors:,} not: the column `error` says why")
        say(f"dataset: {os.path.relpath(options.dataset)}")
    if pictures == errors:
        raise InputError(f"nothing could be {what}: the column `error` in {os.path.relpath(options.dataset)} says why")
    return 0
