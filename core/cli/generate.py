"""`train-generator`, `make-gallery`, `choose-opening`, `choose-views`: generators and pictures that ship."""

import argparse
import json
from dataclasses import asdict, replace
from typing import Any

from core.cli import folders
from core.cli.device import add_device
from core.cli.options import count, new_folder, seed
from core.cli.output import say
from core.data.tasks import CIFAR10, FASHION_MNIST, PASTED, TASKS, task_named, trained_tasks
from core.errors import ConfigError


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    trainer = commands.add_parser(
        "train-generator", parents=[shared], help="train a generator; an interrupted run goes on where it stopped"
    )
    trainer.add_argument("task", choices=trained_tasks())
    trainer.add_argument("--design", help="other than the one that ships; 'robustscope list designs' has them")
    trainer.add_argument("--steps", type=count, help="other than the shipped plan's")
    trainer.add_argument("--images", type=count, help="learn from the first so many training images only")
    trainer.add_argument("--seed", type=seed, help="other than 0")
    trainer.add_argument("--out", type=new_folder, help="folder for weights and card; needed when the plan is changed")
    add_device(trainer)
    trainer.set_defaults(action=_train_autoencoder)

    gallery = commands.add_parser(
        "make-gallery", parents=[shared], help="make the pictures that ship of generators: galleries and contact sheets"
    )
    gallery.add_argument("task", choices=TASKS)
    gallery.add_argument("--seed", type=seed, default=0)
    gallery.set_defaults(action=_make_gallery)

    opening = commands.add_parser(
        "choose-opening", parents=[shared], help="choose the picture that a first visit opens with, by a rule"
    )
    opening.add_argument("task", choices=TASKS)
    opening.set_defaults(action=_choose_opening)
    views = commands.add_parser("choose-views", parents=[shared], help="choose the views of the page Show me, by rules")
    views.set_defaults(action=_choose_views)


def _train_autoencoder(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from core.data.datasets import load
    from core.devices import choose_device
    from core.latent.autoencoder import ASSETS, AutoencoderCard, save
    from core.training.autoencoder.eyes import eyes_of
    from core.training.autoencoder.loop import AutoencoderProgress, train_autoencoder
    from core.training.autoencoder.shipped import DESIGN, NOTES, autoencoder_plan

    design = options.design or DESIGN
    given = {name: getattr(options, name) for name in ("steps", "images", "seed")}
    given = {name: value for name, value in given.items() if value is not None}
    words = [f"--{name} {value}" for name, value in given.items()]
    plan = autoencoder_plan(options.task, design)
    if (words or design != DESIGN) and options.out is None:
        raise ConfigError(
            "another design or a changed plan needs --out, so that a shipped generator is not overwritten"
        )
    part = given.get("steps", plan.steps) / plan.steps  # the other parts of the plan keep their share
    shares = {name: round(getattr(plan, name) * part) for name in ("warm_up", "polish")}
    flow_steps = max(1, round(plan.flow_steps * part)) if plan.network.flow else 0
    plan = replace(plan, **given, **shares, flow_steps=flow_steps)
    words = ([] if design == DESIGN else [f"--design {design}"]) + words
    folder = (folders.RUNS if options.out is None else options.out / "runs") / "generators" / plan.task
    device = choose_device(options.device)
    data = load(task_named(plan.task), "train")
    eyes = eyes_of(plan.task, plan.recipe, data, device)
    with tqdm(total=plan.updates, unit="step", disable=options.json, desc=f"generator of {plan.task}") as bar:

        def on_progress(progress: AutoencoderProgress) -> None:
            bar.n = progress.step
            bar.set_postfix_str(", ".join(f"{name} {value:.2f}" for name, value in progress.losses.items()))

        trained = train_autoencoder(plan, data, eyes, folder, on_progress, device=device)
    command = " ".join(["robustscope", "train-generator", plan.task, *words])
    recipe = plan.recipe.describe()
    note = "" if options.out else NOTES[plan.task]
    course = trained.course(device)
    card = AutoencoderCard(plan.task, plan.network, recipe, plan.settings(), plan.seed, command, course, note=note)
    out = options.out or ASSETS
    card = save(trained.network, card, out)
    say(json.dumps(asdict(card), indent=1) if options.json else f"weights and card are in {out}")
    return 0


def _make_gallery(options: argparse.Namespace) -> int:
    from core.data import galleries
    from core.latent.autoencoder import ASSETS, load_autoencoder
    from core.latent.sheets import write_gallery, write_pasted_gallery, write_sheets

    words = f" --seed {options.seed}" if options.seed else ""
    command, folder = f"robustscope make-gallery {options.task}{words}", galleries.ASSETS / options.task
    if options.task == PASTED.key:
        garments, photographs = load_autoencoder(FASHION_MNIST.key), load_autoencoder(CIFAR10.key)
        paths = write_pasted_gallery(garments, photographs, folder, options.seed, command)
    else:
        made = load_autoencoder(options.task)
        paths = write_gallery(made, folder, options.seed, command) + write_sheets(made, ASSETS, options.seed)
    say(json.dumps([str(path) for path in paths]) if options.json else f"{len(paths)} pictures written")
    return 0


def _choose_opening(options: argparse.Namespace) -> int:
    from core.data.galleries import gallery
    from core.explanations.opening import RIGHT, OpeningSettings, openings, write_openings
    from core.latent.autoencoder import load_autoencoder, shipped
    from core.models.zoo import cards, load_zoo_model

    here = cards(options.task)
    models = [load_zoo_model(options.task, key) for key in RIGHT if key in here]
    if len(models) < 2:
        raise ConfigError(f"the rule compares {', '.join(RIGHT)}; {options.task} has {len(models)} of them")
    autoencoder = load_autoencoder(options.task) if shipped(options.task) else None
    command = f"robustscope choose-opening {options.task}"
    made = openings(gallery(task_named(options.task)), models, autoencoder, command, OpeningSettings())
    path = write_openings(made)
    lines = [f"{kind}: {one.picture}" for kind, one in made.chosen.items()] or ["no picture qualifies"]
    say(json.dumps(asdict(made), indent=1) if options.json else "\n".join([*lines, f"written to {path.name}"]))
    return 0


def _choose_views(options: argparse.Namespace) -> int:
    from core.tour.rules import RULES, Shipped
    from core.tour.view import Views, write_views

    found = [view for rule, task in RULES if (view := rule(Shipped(task))) is not None]
    made = Views("robustscope choose-views", tuple(found))
    write_views(made)
    lines = [f"{view.key}: {view.picture}. {view.sentence}" for view in found]
    say(json.dumps(asdict(made), indent=1) if options.json else "\n".join(lines))
    return 0
