"""`robustscope choose-joint`: choose the joint detector's members and weights on `val` again."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from core.cli.options import task_command
from core.cli.output import follow, say
from core.data.tasks import task_named


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    chooser = task_command(
        commands, shared, "choose-joint", "the joint detector's candidates by what they find of transformed pictures"
    )
    chooser.add_argument("--model", default="standard", help="key of a calibrated network (default: standard)")
    chooser.set_defaults(action=_choose)


def _choose(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from core.anomaly.calibration import calibration_path, read_calibration
    from core.anomaly.joint import CHOSEN
    from core.anomaly.joint_choice import choose_joint
    from core.data.datasets import load
    from core.models.zoo import folder_of, load_zoo_model

    task = task_named(options.task)
    model = load_zoo_model(task.key, options.model, folder_of(task.key, options.model))
    screen = read_calibration(model, calibration_path(task.key, options.model))
    with tqdm(disable=options.json, unit="image") as bar:
        found = choose_joint(model, screen, load(task, "train"), load(task, "val"), follow(bar))
    if options.json:
        say(json.dumps([asdict(one) for one in found], indent=1))
        return 0
    for one in found:
        sets = ", ".join(f"{what} {value:.3f}" for what, value in one.auroc.items())
        weights = " + ".join(f"{weight:g} {key}" for key, weight in one.weights.items())
        say(f"{one.mean:.4f}  {weights}{'  (ships)' if one.weights == CHOSEN else ''}: AUROC {sets}")
    return 0
