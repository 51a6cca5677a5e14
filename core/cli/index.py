"""`robustscope index`: find the networks of the installed libraries anew, after torchvision or timm has changed."""

import argparse
import json
from typing import Any

from core.cli.output import say


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    index = commands.add_parser(
        "index", parents=[shared], help="note the weights' names of every network of torchvision and timm, for import"
    )
    index.set_defaults(action=_index)


def _index(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from core.models.foreign.index import FILE, make_index

    with tqdm(disable=options.json, unit="network") as bar:

        def on_network(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        count = make_index(on_network=on_network)
    say(json.dumps({"networks": count, "file": str(FILE)}) if options.json else f"{count:,} networks: {FILE}")
    return 0
