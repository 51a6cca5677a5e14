"""`robustscope explain`: answers, saliency maps and their measures of any number of pictures."""

import argparse
import json
import os
from typing import Any

from core.cli.batch import PATHS, add_dataset, add_engines, network_keys, run_job
from core.cli.options import keys, seed, task_command
from core.cli.output import say
from core.errors import InputError


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    explain = task_command(commands, shared, "explain", "answers, saliency maps and their measures as Parquet")
    explain.add_argument("paths", nargs="+", metavar="PATH", help=PATHS)
    explain.add_argument("--model", type=keys, required=True, help="keys of networks, joined by commas")
    explain.add_argument("--method", type=keys, default=("gradient",), help="keys of methods (default: gradient)")
    explain.add_argument("--measure", type=keys, help="keys of measures (default: four that need a picture alone)")
    explain.add_argument("--fitting", default="crop", help="how a picture is brought to the task's shape")
    explain.add_argument("--png", action="store_true", help="also each map as a grey picture, in the folder `_maps`")
    explain.add_argument("--seed", type=seed, default=0, help="of methods and measures that draw")
    add_dataset(explain, required=True)
    add_engines(explain)
    explain.set_defaults(action=_explain)


def _explain(options: argparse.Namespace) -> int:
    from core.anomaly.own_normal import fitting_named
    from core.batch.explain import MEASURES, ExplainWork
    from core.batch.job import pack

    work = ExplainWork(
        options.method, options.measure or MEASURES, fitting_named(options.fitting), options.seed, options.png
    )
    networks = [pack(options.task, *one) for one in network_keys(options.task, options.model)]
    done = run_job(options, options.task, work, networks).done.values()
    pictures, errors = sum(each.pictures for each in done), sum(each.errors for each in done)
    if options.json:
        say(json.dumps({"explained": pictures - errors, "errors": errors, "dataset": str(options.dataset)}))
    else:
        say(f"{pictures - errors:,} pictures explained, {errors:,} not: the column `error` says why")
        say(f"dataset: {os.path.relpath(options.dataset)}")
    if pictures == errors:
        raise InputError("nothing could be explained")
    return 0
