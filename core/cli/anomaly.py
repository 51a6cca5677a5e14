"""`robustscope calibrate` and `score`: fit a network's anomaly detectors, and score pictures with them."""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.cli.batch import PATHS, add_dataset, add_engines, network_keys, run_job
from core.cli.device import add_device, on_device
from core.cli.options import count, keys, new_file, new_folder, share, task_command
from core.cli.output import follow, say
from core.data.tasks import task_named
from core.errors import ConfigError, InputError

if TYPE_CHECKING:
    import torch

    from core.anomaly.batch_file import Scoring, Tally
    from core.anomaly.calibration import Calibration
    from core.anomaly.label_references import References
    from core.models.zoo import ZooModel

T = TypeVar("T")

FLAGGED_TOO_OFTEN = 3
_SHOWN = 5  # reasons why pictures could not be read


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    calibrate = task_command(
        commands, shared, "calibrate", "fit a task's anomaly detectors, or one network's to your own normal pictures",
        required=False,
    )  # fmt: skip
    calibrate.add_argument("--models", type=keys, help="keys joined by commas (default: all of the task's)")
    calibrate.add_argument("--again", action="store_true", help="also what is fitted already (else it is kept)")
    calibrate.add_argument("--images", type=count, help="the first N calibration images only; needs --out")
    calibrate.add_argument("--out", type=new_folder, help="folder (default: the one that ships)")
    own = calibrate.add_argument_group("your own normal pictures")
    own.add_argument("--data", type=Path, metavar="PATH", help="a folder or a ZIP of at least 200 normal pictures")
    own.add_argument("--model", help="key of the network to calibrate on them; needs --data")
    own.add_argument("--normal", default="", metavar="TEXT", help="what they are called, such as '240 chest X-rays'")
    _add_fitting(own)
    add_device(calibrate)
    calibrate.set_defaults(action=_calibrate)

    score = task_command(
        commands, shared, "score", "anomaly scores of pictures as a table; an interrupted run goes on where it stopped"
    )
    score.add_argument("paths", nargs="+", metavar="PATH", help=f"a file, a folder or a ZIP; with --dataset {PATHS}")
    score.add_argument("--model", type=keys, required=True, help="key of a network; with --dataset several, by commas")
    to = score.add_mutually_exclusive_group(required=True)
    to.add_argument("--out", type=new_file, help="the table: CSV if it is called so, else Parquet")
    add_dataset(to, required=False)
    add_engines(score)
    score.add_argument(
        "--detector", type=keys, help="one, or several joined by commas; 'robustscope list detectors' has them"
    )
    _add_fitting(score)
    score.add_argument("--alpha", type=share, default=0.05, help="flag p-values of at most this (default: 0.05)")
    score.add_argument(
        "--fail-above", type=share, metavar="SHARE", help="exit with 3 where a detector flags more than this share"
    )
    score.add_argument("--calibration", type=Path, help="a file of `calibrate` (default: yours, or the one that ships)")
    add_device(score)
    score.set_defaults(action=_score)


def _add_fitting(command: Any) -> None:
    command.add_argument(
        "--fitting",
        default="crop",
        help="how a picture is brought to the task's shape; 'robustscope list fittings' has them (default: crop)",
    )


def _calibrate(options: argparse.Namespace) -> int:
    if (options.data is None) != (options.model is None):
        raise ConfigError("--data and --model go together: the pictures, and the network to calibrate on them")
    if options.data is not None:
        return _calibrate_on_own(options)
    if options.task is None:
        raise ConfigError("name a task by --task, or your own pictures and a network by --data and --model")
    return _calibrate_task(options)


def _calibrate_on_own(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from core.anomaly.calibration import calibration_path, own_calibrations, write_calibration
    from core.anomaly.own_normal import calibrate_on_own, fitting_named, read_normal_pictures
    from core.data.incoming import incoming
    from core.models.zoo import folder_of, load_zoo_model

    fitting = fitting_named(options.fitting)
    task = options.task or _task_of(options.model)
    model = load_zoo_model(task, options.model, folder_of(task, options.model))
    with tqdm(disable=options.json, unit="picture", desc="reading") as bar:
        pictures = read_normal_pictures(
            model.task, incoming([options.data]), fitting, on_file=lambda done: bar.update(done - bar.n)
        )
    with tqdm(disable=options.json, unit="picture") as bar:
        follow_bar = follow(bar)

        def show(done: int, of: int) -> None:
            follow_bar(options.model, done, of)

        def work(device: "torch.device") -> "Calibration":
            return calibrate_on_own(model.on(device), pictures, options.normal, on_progress=show)

        screen = on_device(options, work)
    path = calibration_path(task, options.model, options.out or own_calibrations())
    write_calibration(screen, path)
    stated = screen.own
    assert stated is not None
    if options.json:
        told = {"file": str(path), "bytes": path.stat().st_size, "refused": pictures.refused}
        say(json.dumps({**screen.settings, **told, "repeated": pictures.repeated}, indent=1))
        return 0
    sizes = f"{screen.settings['fit_images']} fit, {screen.settings['p_value_images']} give p-values"
    named = f' "{stated.name}"' if stated.name else ""
    say(f"{options.model}: normal = {stated.images} pictures{named}; {sizes}, {stated.held_out} were held out")
    for reason in pictures.refused[:_SHOWN]:
        say(f"not read: {reason}")
    if len(pictures.refused) > _SHOWN or pictures.repeated:
        say(f"passed over: {len(pictures.refused)} that could not be read, {pictures.repeated} that came twice")
    say(f"of the {stated.held_out} held out each detector flags, where at most {stated.alpha:.0%} is promised:")
    for key in screen.detectors:
        share = stated.share(key)
        assert share is not None
        say(f"{key:16} {share.flagged:4} {share.flagged / share.of:6.1%} ({share.low:.1%} to {share.high:.1%} at 95 %)")
    say(f"file: {os.path.relpath(path)}")
    return 0


def _task_of(key: str) -> str:
    """The task of the only network of this key.

    Raises:
        ConfigError: there is none, or more than one.
    """
    from core.data.tasks import listed_tasks
    from core.models.zoo import known_cards

    found = [task for task in listed_tasks() if key in known_cards(task)]
    if len(found) != 1:
        tasks = f"networks called {key} are of {', '.join(found)}: name one by --task" if found else ""
        raise ConfigError(tasks or f"there is no network {key}; 'robustscope models' has them")
    return found[0]


def _calibrate_task(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from core.anomaly.calibrate import fit_calibration, light_lacking, with_lacking
    from core.anomaly.calibration import ASSETS, calibration_path, read_calibration, write_calibration
    from core.anomaly.label_references import (
        IMAGES,
        fit_references,
        read_references,
        references_path,
        write_references,
    )
    from core.data.datasets import load
    from core.models.zoo import folder_of, known_cards, load_zoo_model

    task = task_named(options.task)
    if options.images and options.out is None:
        raise ConfigError("--images needs --out, so that a calibration that ships is not overwritten")
    folder = options.out or ASSETS
    asked = options.models or list(known_cards(task.key))
    train_set, calibration = load(task, "train"), load(task, "calibration")
    calibration = calibration if options.images is None else calibration.first(options.images)
    done = []
    with tqdm(disable=options.json, unit="image") as bar:
        for key in asked:
            model = load_zoo_model(task.key, key, folder_of(task.key, key))
            path = calibration_path(task.key, key, folder)
            kept = None if options.again else _fitted_already(read_calibration, model, path)

            def fitted(
                device: "torch.device", model: "ZooModel" = model, kept: "Calibration | None" = kept
            ) -> "Calibration":
                given = (model.on(device), train_set.on(device), calibration.on(device))
                if kept is not None:
                    return with_lacking(given[0], kept, *given[1:], on_progress=follow(bar))
                return fit_calibration(*given, on_progress=follow(bar))

            def references(device: "torch.device", model: "ZooModel" = model) -> "References":
                images = calibration.on(device).images(0, min(IMAGES, len(calibration)))
                return fit_references(model.on(device), images, follow(bar))

            added = () if kept is None else light_lacking(kept)
            screen = kept if kept is not None and not added else on_device(options, fitted)
            if kept is None or added:
                write_calibration(screen, path)
            labels = references_path(task.key, key, folder)
            if options.again or _fitted_already(read_references, model, labels) is None:
                write_references(on_device(options, references), model, labels)
            told = {"file": str(path), "bytes": path.stat().st_size, "kept": kept is not None, "added": added}
            done.append({**screen.settings, **told})
    if options.json:
        say(json.dumps(done, indent=1))
        return 0
    for row in done:
        state = "added" if row["added"] else "kept" if row["kept"] else "fitted"
        sizes = f"{row['fit_images']} images fit, {row['p_value_images']} give p-values"
        say(f"{row['model']:28} {state:6}  {sizes}, {row['bytes'] / 1e6:.2f} MB")
    return 0


def _fitted_already(read: "Callable[[ZooModel, Path], T]", model: "ZooModel", path: Path) -> T | None:
    """What is in `path`, if it is of this network."""
    try:
        return read(model, path) if path.exists() else None
    except InputError:
        return None


def _score(options: argparse.Namespace) -> int:
    from core.anomaly.batch_file import Scoring
    from core.anomaly.catalogue import DEFAULT

    if options.fail_above == 1:
        raise ConfigError(f"--fail-above must be a share of at least 0 and below 1; got {options.fail_above}")
    asked = Scoring(options.detector or (DEFAULT,), options.fitting, options.alpha)
    tallies = _tables(options, asked) if options.out is None else {"": _table(options, asked)}
    out = options.out or options.dataset
    told = {key: _told(tally, asked) for key, tally in tallies.items()}
    if options.json:
        say(json.dumps({**(told if options.out is None else told[""]), "alpha": asked.alpha, "out": str(out)}))
    else:
        for key, tally in tallies.items():
            name = f"{key}: " if key else ""
            say(f"{name}{tally.scored:,} files scored, {tally.errors:,} not: the column `error` says why")
            for each, flagged in told[key]["shares"].items() if tally.scored else ():
                say(f"{each:16} flags {flagged:.1%}, where {asked.alpha:.1%} of normal pictures are promised at most")
        say(f"{'table' if options.out else 'dataset'}: {os.path.relpath(out)}")
    if not any(tally.scored for tally in tallies.values()):
        raise InputError(f"nothing could be scored: the column `error` in {os.path.relpath(out)} says why")
    highest = max(share for each in told.values() for share in each["shares"].values())
    return FLAGGED_TOO_OFTEN if options.fail_above is not None and highest > options.fail_above else 0


def _told(tally: "Tally", asked: "Scoring") -> dict[str, Any]:
    shares = {key: tally.share(key) for key in asked.detectors}
    return {"scored": tally.scored, "errors": tally.errors, "flagged": tally.flagged, "shares": shares}


def _table(options: argparse.Namespace, asked: "Scoring") -> "Tally":
    """Score into one table, by one network."""
    from tqdm import tqdm

    from core.anomaly.batch_file import score_files
    from core.anomaly.calibration import read_calibration
    from core.models.zoo import folder_of, load_zoo_model

    if options.engine or options.address or options.processes or options.shard or len(options.model) > 1:
        raise ConfigError("several networks, engines and shards go with --dataset FOLDER; --out is one table")
    (key,) = options.model
    model = load_zoo_model(options.task, key, folder_of(options.task, key))
    screen = read_calibration(model, _calibration_of(options, key))
    paths = [Path(path) for path in options.paths]
    with tqdm(disable=options.json, unit="file") as bar:

        def work(device: "torch.device") -> "Tally":
            told = (asked, lambda done: bar.update(done - bar.n))
            return score_files(model.on(device), screen, paths, options.out, *told)

        return on_device(options, work)


def _tables(options: argparse.Namespace, asked: "Scoring") -> "dict[str, Tally]":
    """Score into a dataset; what came out by network."""
    from core.batch.job import pack
    from core.batch.score import ScoreWork, tally_scores

    if options.device:
        raise ConfigError("--device goes with --out; what makes a dataset computes on the CPU, on all cores")
    if options.calibration is not None and len(options.model) > 1:
        raise ConfigError("--calibration is of one network")
    networks = [
        pack(options.task, key, folder, _calibration_of(options, key))
        for key, folder in network_keys(options.task, options.model)
    ]
    return tally_scores(run_job(options, options.task, ScoreWork(asked), networks), options.model, asked)


def _calibration_of(options: argparse.Namespace, key: str) -> Path:
    """The file with a network's detectors.

    Raises:
        ConfigError: there is none.
    """
    from core.anomaly.calibration import calibration_path, own_calibrations

    own = calibration_path(options.task, key, own_calibrations())
    path: Path = options.calibration or (own if own.exists() else calibration_path(options.task, key))
    if not path.exists():
        raise ConfigError(f"{key} is not calibrated: run 'robustscope calibrate --task {options.task} --models {key}'")
    return path
