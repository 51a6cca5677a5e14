"""`robustscope models`: the networks that ship, with their figures; and which of them a command means."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from core.cli.output import say
from core.data.tasks import Task, listed_tasks
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.models.zoo import ZooModel


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    models = commands.add_parser("models", parents=[shared], help="list the models that ship, with their figures")
    models.add_argument("--task", choices=listed_tasks(), help="only this task's")
    models.set_defaults(action=_models)


def _models(options: argparse.Namespace) -> int:
    from core.models.zoo import known_cards
    from core.reports.accuracy.report import in_words

    found = [
        card for task in ([options.task] if options.task else listed_tasks()) for card in known_cards(task).values()
    ]
    if options.json:
        say(json.dumps([asdict(card) for card in found], indent=1))
        return 0
    for card in found:
        say(
            f"{card.task:14} {card.key:12} {card.parameters:>9,} parameters   {in_words(card.figures)}",
            f"{'':27} {card.recipe}",
        )
    return 0


def choose(options: argparse.Namespace, task: Task, usual: Sequence[str]) -> "list[ZooModel]":
    """The models that a command names; without a name the usual ones, and all of the task's where none are usual."""
    from core.models.zoo import cards, folder_of, known_cards, load_weights, load_zoo_model

    if options.weights is not None:
        model = load_weights(options.weights)
        if model.card.task != task.key:
            raise ConfigError(f"{options.weights.name} solves {model.card.task}, not {task.key}")
        return [model]
    shipped = cards(task.key) or known_cards(task.key)
    keys = options.models or [key for key in shipped if not usual or key in usual] or list(shipped)
    if not keys:
        raise ConfigError(f"no model of {task.key} ships yet: train one with 'robustscope train {task.key} standard'")
    return [load_zoo_model(task.key, key, folder_of(task.key, key)) for key in keys]
