"""`robustscope remove`: lists the networks that were fetched or imported, and removes those that are named."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from core.cli.options import quote
from core.cli.output import say
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.models.brought import Brought


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    remove = commands.add_parser(
        "remove", parents=[shared], help="remove networks that were fetched or imported; without a key, list them"
    )
    remove.add_argument("keys", nargs="*", metavar="KEY", help="such as resnet50-imagenet1k-v2, or its published name")
    remove.add_argument("--task", default="", help="only of this task, where several have the key")
    remove.set_defaults(action=_remove)


def _remove(options: argparse.Namespace) -> int:
    from core.models.brought import brought_networks, remove_brought
    from core.models.zoo import user_models

    there = [one for one in brought_networks() if options.task in ("", one.task)]
    wanted = [_named(key, there) for key in options.keys]
    for one in wanted:
        remove_brought(one)
    shown = wanted if options.keys else there
    if options.json:
        say(json.dumps([{"task": one.task, "key": one.key, "bytes": one.size} for one in shown], indent=1))
    elif wanted:
        say(*(f"removed: {_line(one)}" for one in wanted))
    elif there:
        say(*map(_line, there))
        say(f"{len(there):,} in {user_models()}, {sum(one.size for one in there) / 1e6:,.1f} MB")
    else:
        say(f"no network was fetched or imported{_of(options.task)}")
    return 0


def _named(key: str, there: "list[Brought]") -> "Brought":
    """The network that a key, or a published name, means.

    Raises:
        ConfigError: there is none, or there are several.
    """
    from core.models.published.entry import key_of

    found = [one for one in there if one.key in (key, key_of(key))]
    if not found:
        known = ", ".join(sorted({one.key for one in there})) or "none"
        raise ConfigError(f"{quote(key)} is no network that was fetched or imported; there are: {known}")
    if len(found) > 1:
        raise ConfigError(
            f"several tasks have {quote(key)}: name one by --task {' or '.join(one.task for one in found)}"
        )
    return found[0]


def _line(one: "Brought") -> str:
    return f"{one.task:14} {one.key:40} {one.size / 1e6:>8,.1f} MB"


def _of(task: str) -> str:
    return f" for {quote(task)}" if task else ""
