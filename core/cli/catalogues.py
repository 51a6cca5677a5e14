"""`robustscope list`: what can be asked for by name, read from the catalogues themselves."""

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from core.cli.output import say
from core.data.tasks import TASKS, listed_tasks, task_named
from core.reports.catalogue import REPORTS

Entry = dict[str, Any]


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    lister = commands.add_parser(
        "list", parents=[shared], help=f"say what there is to ask for by name: {', '.join(CATALOGUES)}"
    )
    lister.add_argument("what", choices=CATALOGUES)
    lister.add_argument("--task", choices=TASKS, default=next(iter(TASKS)), help="whose recipes (default: %(default)s)")
    lister.set_defaults(action=_list)


def _list(options: argparse.Namespace) -> int:
    found = CATALOGUES[options.what](options.task)
    if options.json:
        say(json.dumps(found, indent=1))
        return 0
    for entry in found:
        say(f"{entry['key']:28} {entry['title']}")
        say(*(f"{'':28} --set {name}={_plain(value)}" for name, value in entry.get("settings", {}).items()))
    return 0


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _tasks(task: str) -> list[Entry]:
    return [{"key": each.key, "title": each.source} for each in listed_tasks().values()]


def _recipes(task: str) -> list[Entry]:
    """The recipes of a task, each with its settings as they are where none is given."""
    from core.training.recipes.registry import RECIPES, recipes_for
    from core.training.recipes.settings import settings_of

    found = []
    for key in recipes_for(task_named(task)):
        entry = RECIPES[key]
        settings = {setting.path: setting.value for setting in settings_of(entry.build(task_named(task)))}
        found.append({"key": key, "title": f"{entry.title}. {entry.sentence}", "settings": settings})
    return found


def _architectures(task: str) -> list[Entry]:
    from core.models.architectures.catalogue import ARCHITECTURES

    return [
        {"key": key, "title": f"{one.title}. {one.sentence} {one.source} ({one.licence})"}
        for key, one in ARCHITECTURES.items()
    ]


def _reports(task: str) -> list[Entry]:
    return [{"key": key, "title": entry.title} for key, entry in REPORTS.items()]


def _detectors(task: str) -> list[Entry]:
    from core.anomaly.catalogue import DEFAULT, DETECTORS

    return [
        {"key": key, "title": f"{one.title}{' (the one taken where none is named)' if key == DEFAULT else ''}"}
        for key, one in DETECTORS.items()
    ]


def _fittings(task: str) -> list[Entry]:
    from core.anomaly.batch_file import FITTINGS

    return [{"key": key, "title": ""} for key in FITTINGS]


def _designs(task: str) -> list[Entry]:
    from core.training.autoencoder.shipped import AUTOENCODERS, DESIGN

    found: dict[str, list[str]] = {}
    for of_task, design in AUTOENCODERS:
        found.setdefault(design, []).append(of_task)
    return [
        {"key": key, "title": f"generators of {', '.join(tasks)}{' (ships)' if key == DESIGN else ''}"}
        for key, tasks in found.items()
    ]


CATALOGUES: Mapping[str, Callable[[str], list[Entry]]] = {
    "tasks": _tasks,
    "recipes": _recipes,
    "architectures": _architectures,
    "reports": _reports,
    "detectors": _detectors,
    "fittings": _fittings,
    "designs": _designs,
}
"""By name, what lists the entries for a task."""
