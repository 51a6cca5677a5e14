"""`train-student`: a robust network that learns from another's answers, where there are no labels enough."""

import argparse
import json
from dataclasses import asdict, replace
from typing import Any

from core.cli import folders
from core.cli.device import add_device
from core.cli.options import count, new_folder, seed
from core.cli.output import say
from core.data.tasks import TASKS
from core.errors import ConfigError, InputError


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    trainer = commands.add_parser(
        "train-student",
        parents=[shared],
        help="train a robust network on another's answers; an interrupted run goes on where it stopped",
    )
    trainer.add_argument("task", choices=TASKS)
    trainer.add_argument("--steps", type=count, help="other than the shipped plan's")
    trainer.add_argument("--images", type=count, help="learn from the first so many photographs only")
    trainer.add_argument("--seed", type=seed, help="other than 0")
    trainer.add_argument("--out", type=new_folder, help="folder for weights and card; needed when the plan is changed")
    add_device(trainer)
    trainer.set_defaults(action=_train)


def _train(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from core.data.tiny_imagenet import load_tiny_imagenet
    from core.devices import choose_device, memory_is_full
    from core.models.zoo import ASSETS, Card, load_zoo_model, save
    from core.training.student.loop import StudentProgress, train_student
    from core.training.student.shipped import NOTES, student_plan

    given = {name: getattr(options, name) for name in ("steps", "images", "seed")}
    given = {name: value for name, value in given.items() if value is not None}
    plan = replace(student_plan(options.task), **given)
    if given and options.out is None:
        raise ConfigError("a changed plan needs --out, so that a shipped network is not overwritten")
    folder = (folders.RUNS if options.out is None else options.out / "runs") / plan.task / plan.key
    device, teacher = choose_device(options.device), load_zoo_model(plan.task, plan.teacher)
    data = load_tiny_imagenet("train")
    with tqdm(total=plan.steps, unit="step", disable=options.json, desc=f"{plan.task} {plan.key}") as bar:

        def on_progress(progress: StudentProgress) -> None:
            bar.n = progress.step
            bar.set_postfix_str(f"loss {progress.loss:.3f}")

        try:
            trained = train_student(plan, data, teacher, folder, on_progress, device=device)
        except RuntimeError as error:
            if not memory_is_full(error):
                raise
            raise InputError(f"the memory of {device} is full: `--device cpu` goes on where this stopped") from error
    words = [f"--{name} {value}" for name, value in given.items()]
    command = " ".join(["robustscope", "train-student", plan.task, *words])
    network, course = teacher.card.network, trained.course(device)
    recipe, note = plan.describe(), NOTES[plan.task]
    card = Card(plan.task, plan.key, network, recipe, plan.settings(), plan.seed, command, course, "", 0, note=note)
    out = options.out or ASSETS
    card = save(trained.network, card, out, half=True)
    say(json.dumps(asdict(card), indent=1) if options.json else f"weights and card are in {out / plan.task}")
    return 0
