"""`robustscope import`: a network from elsewhere into the user's folder, where every command and page finds it."""

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.device import add_device
from core.cli.options import quote
from core.cli.output import say
from core.cli.trial import trial_lines, try_network
from core.data.tasks import Task, listed_tasks
from core.data.tasks.own import forget_private, keep_private, names_in, own_task, user_folder, write_task
from core.errors import ConfigError
from core.files import read_limited

if TYPE_CHECKING:
    from core.models.foreign.importing import Matched

MOST_NAMES_BYTES = 2_000_000


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    bring = commands.add_parser(
        "import", parents=[shared], help="bring a network: .safetensors, a .pt or .pth state dict, or ONNX"
    )
    bring.add_argument("file", type=Path, metavar="FILE", help="nothing in it is run")
    bring.add_argument(
        "--architecture", default="", help="its name in torchvision or timm, such as resnet18 (default: what fits)"
    )
    bring.add_argument(
        "--classes", required=True, metavar="FILE|TASK", help="a text file with one name a line, JSON, or a task's key"
    )
    bring.add_argument(
        "--preprocess", default="usual", help="usual, imagenet, half, none, ... ,side=…,mean=…:…:…,std=…,order=bgr"
    )
    bring.add_argument("--name", default="", help="what it is called here (default: the file's name)")
    bring.add_argument("--pictures", type=Path, help="labelled pictures to try it on, one subfolder a class")
    bring.add_argument("--dry-run", action="store_true", help="try it, and keep nothing")
    add_device(bring)
    bring.set_defaults(action=_import)


def _import(options: argparse.Namespace) -> int:
    from core.models.foreign.importing import built, keep, match
    from core.models.foreign.reading import read_foreign
    from core.models.zoo import ASSETS

    key = _key(options.name or options.file.stem)
    with tempfile.TemporaryDirectory() as scratch:
        matched = match(read_foreign(options.file, Path(scratch, "weights.safetensors")), options.architecture)
        task = _task(options, key, matched)
        for folder in (ASSETS, user_folder() / "models"):
            if (folder / task.key / f"{key}.json").exists():
                raise ConfigError(f"{task.key} has a network {key} already: choose another --name")
        command = f"robustscope import {options.file.name} --architecture {matched.network or 'onnx'}"
        command = f"{command} --classes {options.classes} --preprocess {options.preprocess}"
        model = built(matched, task, options.preprocess, key, command)
        told = {"task": task.key, "key": key, "network": str(matched.network or "onnx"), "notes": model.card.note}
        told |= try_network(task, model, options.device, options.pictures)
        if not options.dry_run:
            if task.key not in listed_tasks():
                write_task(task, user_folder())
            keep(model, user_folder() / "models")
            told["file"] = str(user_folder() / "models" / task.key / f"{key}.safetensors")
        forget_private(task.key)  # from here on its file is what there is
    say(*([json.dumps(told, indent=1)] if options.json else trial_lines(told)))
    return 0


def _key(name: str) -> str:
    """A key for a name: lower-case letters, digits and hyphens."""
    key = "-".join(re.findall(r"[a-z0-9]+", name.casefold()))[:60]
    if not key or key.startswith("own-"):
        raise ConfigError(f"--name needs a letter or digit, and must not begin with own; got {quote(name)}")
    return key


def _task(options: argparse.Namespace, key: str, matched: "Matched") -> Task:
    """The task that is named, or a new one of the classes in a file."""
    from core.models.foreign.importing import task_side

    listed = listed_tasks()
    if options.classes in listed:
        return listed[options.classes]
    path = Path(options.classes)
    if not path.is_file():
        raise ConfigError(
            f"--classes must be a file of names or one of {', '.join(listed)}; got {quote(options.classes)}"
        )
    names = names_in(read_limited(path, MOST_NAMES_BYTES).decode("utf-8", "replace"))
    if key in listed:
        raise ConfigError(f"there is a task {key} already: choose another --name, or --classes {key}")
    side = task_side(matched, options.preprocess)
    task = own_task(key, options.name or options.file.stem, names, matched.channels, side)
    keep_private([task])  # until it is written, it is in no list
    return task
