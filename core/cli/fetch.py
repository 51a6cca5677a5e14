"""`robustscope fetch`: a network that others published, by name, for everybody on this machine."""

import argparse
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.device import add_device
from core.cli.output import complain, say
from core.cli.trial import trial_lines, try_network
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.models.published.entry import PublishedNetwork
    from core.models.zoo import ZooModel

TASK = "imagenet"  # the one task here that published networks solve
INTERRUPTED = 130


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    fetch = commands.add_parser(
        "fetch", parents=[shared], help="download a published ImageNet network by name: torchvision, timm, robust ones"
    )
    fetch.add_argument("name", nargs="?", default="", metavar="NAME", help="such as resnet50.imagenet1k_v2")
    fetch.add_argument("--list", action="store_true", help="list what there is, or what has NAME in its name")
    fetch.add_argument("--task", choices=[TASK], default=TASK, help="the task that it solves")
    fetch.add_argument("--pictures", type=Path, help="labelled pictures to try it on, one subfolder a class")
    fetch.add_argument("--dry-run", action="store_true", help="fetch and try it, and keep nothing")
    add_device(fetch)
    fetch.set_defaults(action=_fetch)


def _fetch(options: argparse.Namespace) -> int:
    if options.list:
        return _list(options)
    if not options.name:
        raise ConfigError("name a network, or list them: robustscope fetch --list resnet")
    from core.models.published.catalogue import published_network

    entry = published_network(options.name)
    if not options.json:
        say(*_described(entry))
    try:
        return _brought(options, entry)
    except KeyboardInterrupt:
        complain("interrupted; nothing was kept")
        return INTERRUPTED


def _list(options: argparse.Namespace) -> int:
    from core.models.published.catalogue import matching

    found = matching(options.name)
    if not found:
        raise ConfigError(f"no published network has {options.name} in its name")
    if options.json:
        say(json.dumps([_row(one) for one in found], indent=1))
        return 0
    width = max(len(one.name) for one in found)
    say(*(f"{one.name:{width}}  {one.accuracy_words()}; {one.licence}{_mark(one)}" for one in found))
    say(f"{len(found):,} published networks of {TASK}; accuracy as published, on ImageNet's validation set")
    return 0


def _mark(entry: "PublishedNetwork") -> str:
    return "; can't be fetched here" if entry.hindrance else ""


def _row(entry: "PublishedNetwork") -> dict[str, Any]:
    return {
        "name": entry.name,
        "address": entry.address,
        "source": entry.source,
        "licence": entry.licence,
        "published": entry.accuracy_words(),
        "sha256": entry.sha256,
        "preprocess": entry.preprocess,
        "hindrance": entry.hindrance,
    }


def _described(entry: "PublishedNetwork") -> list[str]:
    """What is fetched, before it is."""
    size = f", {entry.size / 1e6:.0f} MB" if entry.size else ""
    known = f"begins with {entry.sha256[:8]}, as published" if entry.sha256 else "not published: the first fetch counts"
    return [
        f"{entry.name}{size}, from {entry.address}",
        f"source: {entry.source}; licence: {entry.licence}; SHA-256: {known}",
        f"published: {entry.accuracy_words()}",
    ]


def _brought(options: argparse.Namespace, entry: "PublishedNetwork") -> int:
    """Fetch, try and keep a network."""
    from core.data.tasks import task_named
    from core.models.published.fetch import keep_fetched
    from core.models.zoo import user_models

    with tempfile.TemporaryDirectory() as scratch:
        model = _downloaded(options, entry, Path(scratch))
        told = {"task": TASK, "key": entry.key, "network": entry.network, "notes": model.card.note}
        told |= try_network(task_named(TASK), model, options.device, options.pictures)
        if not options.dry_run:
            keep_fetched(model)
            told["file"] = str(user_models() / TASK / f"{entry.key}.safetensors")
    say(*([json.dumps(told, indent=1)] if options.json else trial_lines(told)))
    return 0


def _downloaded(options: argparse.Namespace, entry: "PublishedNetwork", scratch: Path) -> "ZooModel":
    from tqdm import tqdm

    from core.models.published.fetch import fetched

    with ExitStack() as until_then:
        bars: list[tqdm[Any]] = []

        def on_progress(done: int, of: int) -> None:
            if not bars:  # none is drawn before somebody answers
                bar = tqdm(total=of or None, disable=options.json, unit="B", unit_scale=True, leave=False)
                bars.append(until_then.enter_context(bar))
            bars[0].update(done - bars[0].n)

        return fetched(entry, scratch, on_progress)
