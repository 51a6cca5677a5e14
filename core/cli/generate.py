"""`robustscope train-generator`, `make-gallery`, `choose-opening`: generators, and the pictures that ship of them."""

import argparse
import json
from dataclasses import asdict, replace
from typing import Any

from core.cli import folders
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
    trainer.set_defaults(action=_train_generator)

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


def _train_generator(options: argparse.Namespace) -> int:
    import torch
    from tqdm import tqdm

    from core.data.datasets import load
    from core.latent.generator import ASSETS, GeneratorCard, save
    from core.models.zoo import load_zoo_model
    from core.training.generator.loop import GeneratorProgress, train_generator
    from core.training.generator.shipped import DESIGN, NOTES, generator_plan

    design = options.design or DESIGN
    given = {name: getattr(options, name) for name in ("steps", "images", "seed")}
    given = {name: value for name, value in given.items() if value is not None}
    words = [f"--{name} {value}" for name, value in given.items()]
    plan = generator_plan(options.task, design)
    if (words or design != DESIGN) and options.out is None:
        raise ConfigError(
            "another design or a changed plan needs --out, so that a shipped generator is not overwritten"
        )
    part = given.get("steps", plan.steps) / plan.steps  # the other parts of the plan keep their share
    plan = replace(plan, **given, warm_up=round(plan.warm_up * part), polish=round(plan.polish * part))
    words = ([] if design == DESIGN else [f"--design {design}"]) + words
    folder = (folders.RUNS if options.out is None else options.out / "runs") / "generators" / plan.task
    device = "cuda" if torch.cuda.is_available() else "cpu"
    classifier = load_zoo_model(plan.task, plan.recipe.classifier)
    data = load(task_named(plan.task), "train")
    with tqdm(total=plan.total, unit="step", disable=options.json, desc=f"generator of {plan.task}") as bar:

        def on_progress(progress: GeneratorProgress) -> None:
            bar.n = progress.step
            bar.set_postfix_str(", ".join(f"{name} {value:.2f}" for name, value in progress.losses.items()))

        trained = train_generator(plan, data, classifier, folder, on_progress, device=device)
    command = " ".join(["robustscope", "train-generator", plan.task, *words])
    recipe = plan.recipe.describe()
    note = "" if options.out else NOTES[plan.task]
    course = trained.course(device)
    card = GeneratorCard(plan.task, plan.network, recipe, plan.settings(), plan.seed, command, course, note=note)
    out = options.out or ASSETS
    card = save(trained.network, card, out)
    say(json.dumps(asdict(card), indent=1) if options.json else f"weights and card are in {out}")
    return 0


def _make_gallery(options: argparse.Namespace) -> int:
    from core.data import galleries
    from core.latent.generator import ASSETS, load_generator
    from core.latent.sheets import write_gallery, write_pasted_gallery, write_sheets

    words = f" --seed {options.seed}" if options.seed else ""
    command, folder = f"robustscope make-gallery {options.task}{words}", galleries.ASSETS / options.task
    if options.task == PASTED.key:
        garments, photographs = load_generator(FASHION_MNIST.key), load_generator(CIFAR10.key)
        paths = write_pasted_gallery(garments, photographs, folder, options.seed, command)
    else:
        made = load_generator(options.task)
        paths = write_gallery(made, folder, options.seed, command) + write_sheets(made, ASSETS, options.seed)
    say(json.dumps([str(path) for path in paths]) if options.json else f"{len(paths)} pictures written")
    return 0


def _choose_opening(options: argparse.Namespace) -> int:
    from core.data.galleries import gallery
    from core.explanations.opening import RIGHT, OpeningSettings, openings, write_openings
    from core.latent.generator import load_generator, shipped
    from core.models.zoo import cards, load_zoo_model

    here = cards(options.task)
    models = [load_zoo_model(options.task, key) for key in RIGHT if key in here]
    if len(models) < 2:
        raise ConfigError(f"the rule compares {', '.join(RIGHT)}; {options.task} has {len(models)} of them")
    generator = load_generator(options.task) if shipped(options.task) else None
    command = f"robustscope choose-opening {options.task}"
    made = openings(gallery(task_named(options.task)), models, generator, command, OpeningSettings())
    path = write_openings(made)
    lines = [f"{kind}: {one.picture}" for kind, one in made.chosen.items()] or ["no picture qualifies"]
    say(json.dumps(asdict(made), indent=1) if options.json else "\n".join([*lines, f"written to {path.name}"]))
    return 0
