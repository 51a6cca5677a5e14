"""The command `robustscope`: serve the dashboard, list models, train, fetch data, score pictures, recompute figures.

Exit codes: 0 done, 1 something outside is missing or unusable, 2 a setting is impossible, 3 more was flagged than
`score --fail-above` allows, 130 interrupted.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import torch
from tqdm import tqdm

from core.anomaly.fitting import fit_screen
from core.anomaly.labelled import IMAGES, fit_references, read_references, references_path, write_references
from core.anomaly.scoring import FITTINGS, Scoring, score_files
from core.anomaly.screen import ASSETS as CALIBRATION
from core.anomaly.screen import DEFAULT, DETECTORS, read_screen, screen_path, write_screen
from core.data import galleries
from core.data.datasets import LabelledImages, available, data_root, fetch, load, load_folder
from core.data.tasks import CIFAR10, FASHION_MNIST, PASTED, TASKS, Task, task_named
from core.errors import ConfigError, CoreError, InputError
from core.latent.generator import ASSETS as GENERATORS
from core.latent.generator import GeneratorCard, load_generator, read_card
from core.latent.generator import save as save_generator
from core.latent.generator import write_card as write_generator_card
from core.latent.sheets import write_gallery, write_pasted_gallery, write_sheets
from core.models.zoo import ASSETS as MODELS
from core.models.zoo import Card, ZooModel, cards, load_weights, load_zoo_model, save, write_card
from core.reports import accuracy, generator
from core.reports.accuracy import in_words
from core.reports.catalogue import REPORTS
from core.reports.command import Request
from core.reports.provenance import origin, runs_of
from core.reports.report import Report, Row, report_path
from core.training.adversarial import AdversarialTraining
from core.training.generator_loop import GeneratorProgress, train_generator
from core.training.generator_shipped import DESIGN, PLAIN, generator_plan
from core.training.generator_shipped import GENERATORS as GENERATOR_PLANS
from core.training.generator_shipped import NOTES as GENERATOR_NOTES
from core.training.loop import Progress, Trained, train
from core.training.plan import TrainingPlan
from core.training.shipped import NOTES, SHIPPED, TEACHERS, shipped_plan

Found = TypeVar("Found")

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "runs"
PLAN_CHANGES = ("epochs", "images", "seed")
ATTACK_CHANGES = ("epsilon", "steps", "step_size")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        return int(options.action(options))
    except ConfigError as error:
        print(f"robustscope: {error}", file=sys.stderr)
        return 2
    except CoreError as error:
        print(f"robustscope: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("robustscope: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="robustscope", description="See how standard and robust networks look at an image."
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--json", action="store_true", help="print the result as JSON on standard output, and no progress bars"
    )
    shared.add_argument("--threads", type=_positive, help="CPU threads that torch may use")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", parents=[shared], help="serve the dashboard")
    run.add_argument("--port", type=_positive, default=8501)
    run.set_defaults(action=_run)

    models = commands.add_parser("models", parents=[shared], help="list the models that ship, with their figures")
    models.add_argument("--task", choices=TASKS, help="only this task's")
    models.set_defaults(action=_models)

    trainer = commands.add_parser(
        "train", parents=[shared], help="train a model; an interrupted run goes on where it stopped"
    )
    trainer.add_argument("task", choices=TASKS)
    trainer.add_argument(
        "recipe", metavar="RECIPE", help="one of " + ", ".join(sorted({key for _, key in SHIPPED})) + "; or all"
    )
    trainer.add_argument("--epochs", type=_positive, help="other than the shipped plan's")
    trainer.add_argument("--images", type=_positive, help="learn from the first so many training images only")
    trainer.add_argument("--seed", type=int, help="other than 0")
    trainer.add_argument("--epsilon", type=_fraction, help="radius of an attacking recipe, such as 8/255 or 0.5")
    trainer.add_argument("--steps", type=_positive, help="attack steps of an attacking recipe")
    trainer.add_argument("--step-size", type=_fraction, help="length of an attack step")
    trainer.add_argument("--out", type=Path, help="folder for weights and card; needed when the plan is changed")
    trainer.set_defaults(action=_train)

    _add_generators(commands, shared)
    data = commands.add_parser("data", help="data sets: fetch them, or see where they are").add_subparsers(
        required=True
    )
    fetcher = data.add_parser("fetch", parents=[shared], help="download a task's data set")
    fetcher.add_argument("task", choices=TASKS)
    fetcher.set_defaults(action=_fetch)
    lister = data.add_parser("list", parents=[shared], help="say which data sets are on this machine, and where")
    lister.set_defaults(action=_data)

    evaluate = commands.add_parser("evaluate", parents=[shared], help="recompute a report")
    evaluate.add_argument("--task", choices=TASKS, required=True)
    evaluate.add_argument("--models", help="keys joined by commas (default: what the report asks for)")
    evaluate.add_argument(
        "--weights", type=Path, help="a classifier from outside: its safetensors file, card beside it"
    )
    evaluate.add_argument(
        "--generator", type=Path, help="in the report generator, a folder that train-generator wrote (default: shipped)"
    )
    evaluate.add_argument("--report", choices=REPORTS, default=accuracy.NAME)
    evaluate.add_argument(
        "--images", type=_positive, help="the first N test images (default: what the report asks for)"
    )
    evaluate.add_argument(
        "--robust-images", type=_positive, help="in the report accuracy, attack the first N of those (default: 1000)"
    )
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.add_argument("--data", type=Path, help="a folder of images instead, one subfolder a class")
    evaluate.add_argument(
        "--out", type=Path, help="the report's file (default: the one that ships, if nothing is changed)"
    )
    evaluate.add_argument(
        "--update-cards", action="store_true", help="write the figures into the shipped models' cards"
    )
    evaluate.add_argument(
        "--allow-uncommitted", action="store_true", help="write the report though no commit stands for the code"
    )
    evaluate.set_defaults(action=_evaluate)
    _add_anomaly(commands, shared)
    return parser


def _add_generators(commands: Any, shared: argparse.ArgumentParser) -> None:
    """The commands `train-generator` and `make-gallery`."""
    tasks = sorted({task for task, _ in GENERATOR_PLANS})
    trainer = commands.add_parser(
        "train-generator", parents=[shared], help="train a generator; an interrupted run goes on where it stopped"
    )
    trainer.add_argument("task", choices=tasks)
    trainer.add_argument(
        "--design",
        choices=(DESIGN, PLAIN),
        default=DESIGN,
        help=f"{DESIGN} ships; {PLAIN} is what it was compared with",
    )
    trainer.add_argument("--steps", type=_positive, help="other than the shipped plan's")
    trainer.add_argument("--images", type=_positive, help="learn from the first so many training images only")
    trainer.add_argument("--seed", type=int, help="other than 0")
    trainer.add_argument("--out", type=Path, help="folder for weights and card; needed when the plan is changed")
    trainer.set_defaults(action=_train_generator)

    gallery = commands.add_parser(
        "make-gallery", parents=[shared], help="make the pictures that ship of generators: galleries and contact sheets"
    )
    gallery.add_argument("task", choices=[*tasks, PASTED.key])
    gallery.add_argument("--seed", type=int, default=0)
    gallery.set_defaults(action=_make_gallery)


def _add_anomaly(commands: Any, shared: argparse.ArgumentParser) -> None:
    """The commands `calibrate` and `score`."""
    calibrate = commands.add_parser(
        "calibrate", parents=[shared], help="fit a task's anomaly detectors; what is fitted already is kept"
    )
    calibrate.add_argument("--task", choices=TASKS, required=True)
    calibrate.add_argument("--models", help="keys joined by commas (default: all of the task's)")
    calibrate.add_argument("--again", action="store_true", help="also what is fitted already")
    calibrate.add_argument("--images", type=_positive, help="the first N calibration images only; needs --out")
    calibrate.add_argument("--out", type=Path, help="folder (default: the one that ships)")
    calibrate.set_defaults(action=_calibrate)

    score = commands.add_parser(
        "score",
        parents=[shared],
        help="anomaly scores of pictures as a Parquet table; an interrupted run goes on where it stopped",
    )
    score.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, a folder or a ZIP")
    score.add_argument("--task", choices=TASKS, required=True)
    score.add_argument("--model", required=True, help="key of a model that ships")
    score.add_argument("--out", type=Path, required=True, help="the table")
    score.add_argument(
        "--detector", default=DEFAULT, help=f"of {', '.join(DETECTORS)}; several joined by commas (default: {DEFAULT})"
    )
    score.add_argument(
        "--fitting", choices=FITTINGS, default="crop", help="how a picture is brought to the task's shape"
    )
    score.add_argument("--alpha", type=_fraction, default=0.05, help="flag p-values of at most this (default: 0.05)")
    score.add_argument(
        "--fail-above", type=_fraction, metavar="SHARE", help="exit with 3 where a detector flags more than this share"
    )
    score.add_argument("--calibration", type=Path, help="a file of `calibrate` (default: the one that ships)")
    score.set_defaults(action=_score)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _fraction(text: str) -> float:
    """A number written as a decimal or as a fraction such as 8/255."""
    return float(Fraction(text))


def _run(options: argparse.Namespace) -> int:
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(ROOT / "streamlit_app.py"),
        "--server.port",
        str(options.port),
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _models(options: argparse.Namespace) -> int:
    found = [card for task in ([options.task] if options.task else TASKS) for card in cards(task).values()]
    if options.json:
        print(json.dumps([asdict(card) for card in found], indent=1))
        return 0
    for card in found:
        print(f"{card.task:14} {card.key:12} {card.parameters:>9,} parameters   {in_words(card.figures)}")
        print(f"{'':27} {card.recipe}")
    return 0


def _train(options: argparse.Namespace) -> int:
    keys = [key for task, key in SHIPPED if task == options.task] if options.recipe == "all" else [options.recipe]
    for key in keys:
        _train_one(options, shipped_plan(options.task, key))
    return 0


def _train_one(options: argparse.Namespace, plan: TrainingPlan) -> None:
    plan, words = _changed(plan, options)
    if words and options.out is None:
        raise ConfigError("a changed plan needs --out, so that a shipped model is not overwritten")
    out = options.out or MODELS
    folder = (RUNS if options.out is None else out / "runs") / plan.task / plan.key
    device = "cuda" if torch.cuda.is_available() else "cpu"
    outcome = _run_plan(options, plan, folder, device)
    command = " ".join(["robustscope", "train", plan.task, plan.key, *words])
    card = save(outcome.model, _card(plan, outcome, command, device), out)
    if options.json:
        print(json.dumps(asdict(card), indent=1))
    else:
        print(f"{card.key}: {outcome.history[-1].val_accuracy:.2%} on val; weights and card are in {out / plan.task}")


def _run_plan(options: argparse.Namespace, plan: TrainingPlan, folder: Path, device: str) -> Trained:
    """The outcome of a plan, its teacher trained first where one is needed that does not ship."""
    networks = {}
    teacher_key, start_key = plan.recipe.teacher_key, plan.recipe.start_key
    if (plan.task, teacher_key) in TEACHERS:
        first = TEACHERS[plan.task, str(teacher_key)]
        trained = _run_plan(options, first, RUNS / first.task / first.key, device)
        networks[first.key] = trained.model.requires_grad_(False)
    elif teacher_key is not None:
        networks[teacher_key] = load_zoo_model(plan.task, teacher_key).fast.to(device)
    if start_key is not None:
        networks[start_key] = load_zoo_model(plan.task, start_key).plain.to(device)
    task = task_named(plan.task)
    data, val = load(task, "train"), load(task, "val")
    with tqdm(total=plan.epochs, unit="epoch", disable=options.json, desc=f"{plan.task} {plan.key}") as bar:
        return train(plan, data, val, folder, _show(bar), device=device, networks=networks)


def _changed(plan: TrainingPlan, options: argparse.Namespace) -> tuple[TrainingPlan, list[str]]:
    """The plan with what the command line changes in it, and the words that say so."""
    given = {name: getattr(options, name) for name in (*PLAN_CHANGES, *ATTACK_CHANGES)}
    given = {name: value for name, value in given.items() if value is not None}
    attack = {name: value for name, value in given.items() if name in ATTACK_CHANGES}
    if attack:
        if not isinstance(plan.recipe, AdversarialTraining):
            raise ConfigError(f"{plan.key} has no attack to change from here: leave out {', '.join(attack)}")
        plan = replace(plan, recipe=AdversarialTraining(replace(plan.recipe.attack, **attack)))
    changes = {name: value for name, value in given.items() if name in PLAN_CHANGES}
    if "epochs" in changes:
        changes["tail"] = round(plan.tail * changes["epochs"] / plan.epochs)  # keeps its share
    plan = replace(plan, **changes)
    return plan, [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]


def _card(plan: TrainingPlan, outcome: Trained, command: str, device: str) -> Card:
    """The card of a fresh model; `save` fills in what depends on the weights file."""
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


def _show(bar: "tqdm[object]") -> Callable[[Progress], None]:
    """A callback that moves `bar` and names the loss."""

    def on_progress(progress: Progress) -> None:
        bar.n = round(progress.epoch + progress.step / progress.steps, 2)
        val = "" if progress.val_accuracy is None else f", val {progress.val_accuracy:.2%}"
        bar.set_postfix_str(f"loss {progress.loss:.3f}{val}")

    return on_progress


def _train_generator(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in ("steps", "images", "seed")}
    given = {name: value for name, value in given.items() if value is not None}
    words = [f"--{name} {value}" for name, value in given.items()]
    if (words or options.design != DESIGN) and options.out is None:
        raise ConfigError(
            "another design or a changed plan needs --out, so that a shipped generator is not overwritten"
        )
    plan = generator_plan(options.task, options.design)
    share = given.get("steps", plan.steps) / plan.steps  # the other parts of the plan keep theirs
    plan = replace(plan, **given, warm_up=round(plan.warm_up * share), polish=round(plan.polish * share))
    words = ([] if options.design == DESIGN else [f"--design {options.design}"]) + words
    folder = (RUNS if options.out is None else options.out / "runs") / "generators" / plan.task
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
    note = "" if options.out else GENERATOR_NOTES[plan.task]
    course = trained.course(device)
    card = GeneratorCard(plan.task, plan.network, recipe, plan.settings(), plan.seed, command, course, note=note)
    out = options.out or GENERATORS
    card = save_generator(trained.network, card, out)
    print(json.dumps(asdict(card), indent=1) if options.json else f"weights and card are in {out}")
    return 0


def _make_gallery(options: argparse.Namespace) -> int:
    words = f" --seed {options.seed}" if options.seed else ""
    command, folder = f"robustscope make-gallery {options.task}{words}", galleries.ASSETS / options.task
    if options.task == PASTED.key:
        garments, photographs = load_generator(FASHION_MNIST.key), load_generator(CIFAR10.key)
        paths = write_pasted_gallery(garments, photographs, folder, options.seed, command)
    else:
        made = load_generator(options.task)
        paths = write_gallery(made, folder, options.seed, command) + write_sheets(made, GENERATORS, options.seed)
    print(json.dumps([str(path) for path in paths]) if options.json else f"{len(paths)} pictures written")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    task = task_named(options.task)
    fetch(task, data_root())
    return _data(options)


def _data(options: argparse.Namespace) -> int:
    there = {task.key: available(task) for task in TASKS.values()}
    if options.json:
        print(json.dumps({"root": str(data_root()), "available": there}))
    else:
        print(f"data root: {data_root()}  (set ROBUSTSCOPE_DATA to change it)")
        for key, found in there.items():
            print(f"{key:14} {'there' if found else 'not there'}")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    task = task_named(options.task)
    command = REPORTS[options.report]
    of_accuracy = options.report == accuracy.NAME
    of_generator = options.report == generator.NAME
    if options.robust_images and not of_accuracy:
        raise ConfigError("--robust-images belongs to the report accuracy")
    if options.update_cards and not (of_accuracy or of_generator):
        raise ConfigError("--update-cards belongs to the reports accuracy and generator")
    if options.generator and not of_generator:
        raise ConfigError("--generator belongs to the report generator")
    models = _chosen(options, task, command.models)
    settings = command.settings(options.images, options.seed)
    if options.robust_images:
        settings = replace(settings, robust_images=options.robust_images)
    if options.generator:
        settings = replace(settings, folder=str(options.generator))
    path = _report_file(options, options.report, changed=settings != command.settings(None, 0))
    if options.update_cards and path is None:
        raise ConfigError(
            "--update-cards needs the shipped models, the whole test set and the default settings, or --out"
        )
    with tqdm(disable=options.json, unit="image") as bar:
        pictures = _pictures(options, task)
        request = Request(models, pictures, settings, RUNS / "reports", path, _follow(bar), options.allow_uncommitted)
        answer = command.run(request)
    if options.update_cards:
        _update_cards(task, answer.report)
    if options.json:
        print(answer.report.to_json())
        return 0
    print(*answer.lines, sep="\n")
    if path is not None:
        print(f"report: {os.path.relpath(path)}")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    task = task_named(options.task)
    if options.images and options.out is None:
        raise ConfigError("--images needs --out, so that a calibration that ships is not overwritten")
    folder = options.out or CALIBRATION
    keys = options.models.split(",") if options.models else list(cards(task.key))
    train_set, calibration = load(task, "train"), load(task, "calibration")
    calibration = calibration if options.images is None else calibration.first(options.images)
    done = []
    with tqdm(disable=options.json, unit="image") as bar:
        for key in keys:
            model, path = load_zoo_model(task.key, key), screen_path(task.key, key, folder)
            kept = None if options.again else _fitted_already(read_screen, model, path)
            screen = kept or fit_screen(model, train_set, calibration, on_progress=_follow(bar))
            if kept is None:
                write_screen(screen, path)
            labels = references_path(task.key, key, folder)
            if options.again or _fitted_already(read_references, model, labels) is None:
                images = calibration.images(0, min(IMAGES, len(calibration)))
                write_references(fit_references(model, images, _follow(bar)), model, labels)
            done.append({**screen.settings, "file": str(path), "bytes": path.stat().st_size, "kept": kept is not None})
    if options.json:
        print(json.dumps(done, indent=1))
        return 0
    for row in done:
        state = "kept" if row["kept"] else "fitted"
        sizes = f"{row['fit_images']} images fit, {row['p_value_images']} give p-values"
        print(f"{row['model']:28} {state:6}  {sizes}, {row['bytes'] / 1e6:.2f} MB")
    return 0


def _fitted_already(read: Callable[[ZooModel, Path], Found], model: ZooModel, path: Path) -> Found | None:
    """What is in `path`, if it is of this network."""
    try:
        return read(model, path) if path.exists() else None
    except InputError:
        return None


def _score(options: argparse.Namespace) -> int:
    model = load_zoo_model(options.task, options.model)
    path = options.calibration or screen_path(options.task, options.model)
    if not path.exists():
        command = f"robustscope calibrate --task {options.task} --models {options.model}"
        raise ConfigError(f"{options.model} is not calibrated: run '{command}'")
    if options.fail_above is not None and not 0 <= options.fail_above < 1:
        raise ConfigError(f"--fail-above must be a share of at least 0 and below 1; got {options.fail_above}")
    screen = read_screen(model, path)
    asked = Scoring(tuple(options.detector.split(",")), options.fitting, options.alpha)
    with tqdm(disable=options.json, unit="file") as bar:
        tally = score_files(model, screen, options.paths, options.out, asked, lambda done: bar.update(done - bar.n))
    shares = {key: tally.share(key) for key in asked.detectors}
    if options.json:
        told = {"scored": tally.scored, "errors": tally.errors, "flagged": tally.flagged, "shares": shares}
        print(json.dumps({**told, "alpha": asked.alpha, "out": str(options.out)}))
    else:
        print(f"{tally.scored:,} files scored, {tally.errors:,} not: the column `error` says why")
        for key, share in shares.items():
            print(f"{key:16} flags {share:.1%}, where {asked.alpha:.1%} of normal pictures are promised at most")
        print(f"table: {os.path.relpath(options.out)}")
    if tally.scored == 0:
        raise InputError("nothing could be scored")
    return 3 if options.fail_above is not None and max(shares.values()) > options.fail_above else 0


def _pictures(options: argparse.Namespace, task: Task) -> LabelledImages:
    """The images that a command names: the task's test set, or a folder from outside."""
    return load(task, "test") if options.data is None else load_folder(task, options.data)


def _report_file(options: argparse.Namespace, name: str, changed: bool) -> Path | None:
    """Where a report is kept: as asked for, or where it ships if it is the one that ships; None keeps nothing."""
    shipped = options.weights is None and options.data is None and not changed
    return options.out or (report_path(options.task, name) if shipped else None)


def _chosen(options: argparse.Namespace, task: Task, usual: Sequence[str]) -> list[ZooModel]:
    """The models that a command names; without a name the usual ones, and all of the task's where none are usual."""
    if options.weights is not None:
        model = load_weights(options.weights)
        if model.card.task != task.key:
            raise ConfigError(f"{options.weights.name} solves {model.card.task}, not {task.key}")
        return [model]
    keys = [key for key in cards(task.key) if not usual or key in usual]
    if options.models:
        keys = options.models.split(",")
    if not keys:
        raise ConfigError(f"no model of {task.key} ships yet: train one with 'robustscope train {task.key} standard'")
    return [load_zoo_model(task.key, key) for key in keys]


def _follow(bar: "tqdm[object]") -> Callable[[str, int, int], None]:
    """A callback that shows what is measured and how far it is."""

    def on_progress(what: str, done: int, of: int) -> None:
        bar.total = of
        bar.n = done
        bar.set_description(what)

    return on_progress


def _update_cards(task: Task, report: Report) -> None:
    """Write a report's rows into the cards of what they tell of: the shipped models, or the shipped generator."""

    def measured(rows: Sequence[Row]) -> dict[str, Any]:
        """How and when these rows came about."""
        runs = {run.identity: run for row in rows for run in runs_of(report.provenance, row)}
        source = origin(
            report.provenance["data"],
            report.provenance["seed"],
            sum(run.seconds for run in runs.values()),
            runs.values(),
        )
        return {"settings": dict(report.settings), "provenance": source}

    if report.report == generator.NAME:
        made = read_card(GENERATORS / f"{task.key}.json")
        if made.sha256 == report.settings["generator"]:
            write_generator_card(replace(made, figures=report.rows, measured=measured(report.rows)))
        return
    for card in cards(task.key).values():
        rows = tuple(row for row in report.rows if row["model"] == card.key and row["sha256"] == card.sha256)
        if rows:
            note = NOTES.get((task.key, card.key), "")
            write_card(replace(card, figures=rows, measured=measured(rows), note=note))


if __name__ == "__main__":
    sys.exit(main())
