"""`robustscope train`: any recipe on any task; what ships is trained exactly as it was."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli import folders
from core.cli.device import add_device
from core.cli.options import assignment, count, new_folder, number, seed, whole
from core.cli.output import say
from core.data.tasks import task_named, trained_tasks
from core.errors import ConfigError, InputError

if TYPE_CHECKING:
    import torch
    from torch import nn
    from tqdm import tqdm

    from core.models.zoo import Card
    from core.training.loop import Progress, Trained
    from core.training.plan import TrainingPlan
    from core.training.recipes.settings import Setting, Value

SCHEDULE = ("epochs", "images", "seed")
ATTACK = ("epsilon", "steps", "step_size")
MOST_STEPS = 1000
"""Of an attack; the page Train, where others wait, allows fewer."""


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    trainer = commands.add_parser(
        "train", parents=[shared], help="train a model; an interrupted run goes on where it stopped"
    )
    trainer.add_argument("task", choices=trained_tasks())
    trainer.add_argument(
        "recipe",
        metavar="RECIPE",
        help="a recipe, or a model that ships ('robustscope list recipes' and 'robustscope models' have them); or all "
        "that ship",
    )
    trainer.add_argument("--epochs", type=count, help="other than the plan's")
    trainer.add_argument("--images", type=count, help="learn from the first so many training images only")
    trainer.add_argument("--seed", type=seed, help="other than 0")
    trainer.add_argument("--epsilon", type=number, help="radius of an attacking recipe, such as 8/255 or 0.5")
    trainer.add_argument("--steps", type=count, help="attack steps of an attacking recipe")
    trainer.add_argument("--step-size", type=number, help="length of an attack step")
    trainer.add_argument(
        "--set",
        type=assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the recipe, such as attack.epsilon=8/255; may come several times",
    )
    trainer.add_argument(
        "--out", type=new_folder, help="folder for weights and card; needed for anything but a shipped plan"
    )
    add_device(trainer)
    trainer.set_defaults(action=_train)


def _train(options: argparse.Namespace) -> int:
    from core.training.zoo_plans import SHIPPED, plan_named

    keys = [key for task, key in SHIPPED if task == options.task] if options.recipe == "all" else [options.recipe]
    changes = [_changed(plan_named(options.task, key), options) for key in keys]
    for plan, words in changes:
        if options.out is None and (words or (plan.task, plan.key) not in SHIPPED):
            raise ConfigError(
                "a changed plan, and a model that does not ship, need --out, so that nothing shipped is overwritten"
            )
    for plan, words in changes:
        _train_one(options, plan, words)
    return 0


def _train_one(options: argparse.Namespace, plan: "TrainingPlan", words: list[str]) -> None:
    from core.devices import choose_device
    from core.models.zoo import ASSETS, save

    out = options.out or ASSETS
    runs = folders.RUNS if options.out is None else out / "runs"
    device = choose_device(options.device)
    outcome = _run_plan(options, plan, runs, device)
    command = " ".join(["robustscope", "train", plan.task, plan.key, *words])
    card = save(outcome.model, _card(plan, outcome, command, device), out)
    if options.json:
        say(json.dumps(asdict(card), indent=1))
    else:
        say(f"{card.key}: {outcome.history[-1].val_accuracy:.2%} on val; weights and card are in {out / plan.task}")


def _run_plan(options: argparse.Namespace, plan: "TrainingPlan", runs: Path, device: "torch.device") -> "Trained":
    """The outcome of a plan; what it learns from or goes on from is trained first where that does not ship."""
    from tqdm import tqdm

    from core.data.datasets import load
    from core.devices import memory_is_full
    from core.models.zoo import load_zoo_model
    from core.training.loop import train
    from core.training.zoo_plans import FORERUNNERS, teacher_plan

    networks: dict[str, nn.Module] = {}
    teacher_key, start_key = plan.recipe.teacher_key, plan.recipe.start_key
    first = teacher_plan(plan)
    if first is not None:
        known = first == FORERUNNERS.get((first.task, first.key))
        trained = _run_plan(options, first, folders.RUNS if known else runs, device)
        networks[first.key] = trained.model.requires_grad_(False)
    elif teacher_key is not None:
        networks[teacher_key] = load_zoo_model(plan.task, teacher_key).on(device).fast
    if start_key is not None:
        before = FORERUNNERS.get((plan.task, start_key))
        networks[start_key] = (
            load_zoo_model(plan.task, start_key).on(device).plain
            if before is None
            else _run_plan(options, before, folders.RUNS, device).model
        )
    task = task_named(plan.task)
    data, val = load(task, "train"), load(task, "val")
    folder = runs / plan.task / plan.key
    with tqdm(total=plan.epochs, unit="epoch", disable=options.json, desc=f"{plan.task} {plan.key}") as bar:
        try:
            return train(plan, data, val, folder, _show(bar), device=device, networks=networks)
        except RuntimeError as error:
            if not memory_is_full(error):
                raise
            raise InputError(f"the memory of {device} is full: `--device cpu` goes on where this stopped") from error


def _changed(plan: "TrainingPlan", options: argparse.Namespace) -> "tuple[TrainingPlan, list[str]]":
    """The plan with what the command line changes in it, and the words that say so."""
    from core.training.recipes.saliency_training import paced
    from core.training.recipes.settings import changed

    given = {name: getattr(options, name) for name in (*SCHEDULE, *ATTACK)}
    given = {name: value for name, value in given.items() if value is not None}
    schedule: dict[str, Any] = {name: value for name, value in given.items() if name in SCHEDULE}
    if "epochs" in schedule:
        schedule["tail"] = round(plan.tail * schedule["epochs"] / plan.epochs)  # keeps its share
    values = _values(plan, {name: value for name, value in given.items() if name in ATTACK}, options.set)
    recipe = paced(plan.recipe, schedule["epochs"]) if "epochs" in schedule else plan.recipe
    plan = replace(plan, recipe=changed(recipe, values, MOST_STEPS), **schedule)
    words = [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]
    return plan, words + [f"--set {name}={text}" for name, text in options.set]


def _values(plan: "TrainingPlan", attack: dict[str, Any], assigned: list[tuple[str, str]]) -> "dict[str, Value]":
    """Values by the paths of the recipe's settings, from `--epsilon` and its like, and from `--set`."""
    from core.training.recipes.settings import settings_of

    known = {setting.path: setting for setting in settings_of(plan.recipe)}
    strangers = [name for name in attack if f"attack.{name}" not in known]
    if strangers:
        raise ConfigError(f"{plan.key} has no attack to change from here: leave out {', '.join(strangers)}")
    values = {f"attack.{name}": value for name, value in attack.items()}
    for path, text in assigned:
        if path not in known:
            raise ConfigError(f"{plan.key} has {', '.join(known) or 'nothing'} to set; got {path!r}")
        if path in values:
            raise ConfigError(f"{path} is set twice; leave one out")
        values[path] = _value(known[path], text)
    return values


def _value(setting: "Setting", text: str) -> "Value":
    """A text as a value of the kind that a setting has.

    Raises:
        ConfigError: it is none.
    """
    if setting.options:
        return text  # whether it is one of them is for `changed` to say
    try:
        return whole(text, low=0) if isinstance(setting.value, int) else number(text)
    except argparse.ArgumentTypeError as error:
        raise ConfigError(f"{setting.path} {error}") from error


def _card(plan: "TrainingPlan", outcome: "Trained", command: str, device: "torch.device") -> "Card":
    """The card of a fresh model; `save` fills in what depends on the weights file."""
    from core.models.zoo import Card
    from core.training.zoo_plans import NOTES

    recipe = plan.recipe.describe()
    return Card(
        plan.task,
        plan.key,
        plan.network,
        recipe,
        plan.settings(),
        plan.seed,
        command,
        outcome.course(device),
        sha256="",
        parameters=0,
        note=NOTES.get((plan.task, plan.key), ""),
    )


def _show(bar: "tqdm[object]") -> "Callable[[Progress], None]":
    """A callback that moves `bar` and names the loss."""

    def on_progress(progress: "Progress") -> None:
        bar.n = round(progress.epoch + progress.step / progress.steps, 2)
        val = "" if progress.val_accuracy is None else f", val {progress.val_accuracy:.2%}"
        bar.set_postfix_str(f"loss {progress.loss:.3f}{val}")

    return on_progress
