"""`robustscope data`: fetch data sets, or say where they are."""

import argparse
import json
from typing import Any

from core.cli.output import say
from core.data.tasks import TASKS, task_named


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    data = commands.add_parser("data", help="data sets: fetch them, or see where they are").add_subparsers(
        required=True
    )
    fetcher = data.add_parser("fetch", parents=[shared], help="download a task's data set")
    fetcher.add_argument("task", choices=TASKS)
    fetcher.set_defaults(action=_fetch)
    lister = data.add_parser("list", parents=[shared], help="say which data sets are on this machine, and where")
    lister.set_defaults(action=_list)


def _fetch(options: argparse.Namespace) -> int:
    from core.data.datasets import data_root, fetch

    fetch(task_named(options.task), data_root())
    return _list(options)


def _list(options: argparse.Namespace) -> int:
    from core.data.datasets import available, data_root

    there = {task.key: available(task) for task in TASKS.values()}
    if options.json:
        say(json.dumps({"root": str(data_root()), "available": there}))
        return 0
    say(f"data root: {data_root()}  (set ROBUSTSCOPE_DATA to change it)")
    say(*(f"{key:14} {'there' if found else 'not there'}" for key, found in there.items()))
    return 0
