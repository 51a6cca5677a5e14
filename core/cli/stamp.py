"""`robustscope stamp`: give files of ours the checksum that their readers ask for."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from core.cli.output import say
from core.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[2] / "assets"
FOLDERS = ("calibration", "gallery", "generators", "models", "reports")
"""Where the files lie that ship."""


def add(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Join the other commands."""
    stamper = commands.add_parser(
        "stamp", parents=[shared], help="give reports, calibrations, cards and pictures of ours their checksum"
    )
    stamper.add_argument("paths", nargs="*", type=Path, help="files and folders (default: all that ships)")
    stamper.add_argument("--check", action="store_true", help="only say which lack one, or have one that does not fit")
    stamper.add_argument(
        "--again", action="store_true", help="also where there is one that does not fit: you changed the file yourself"
    )
    stamper.set_defaults(action=_stamp)


def _stamp(options: argparse.Namespace) -> int:
    from core.checksums import State, files_of_ours, lacking, stamp

    paths = options.paths or [SHIPPED / folder for folder in FOLDERS]
    if missing := [path for path in paths if not path.exists()]:
        raise ConfigError(f"{missing[0]} is not there")
    found = lacking(paths)
    if not options.check:
        for path, _ in found:
            stamp(path, options.again)
    left = [(path, state) for path, state in found if options.check or (state is State.WRONG and not options.again)]
    if options.json:
        say(json.dumps({"files": len(list(files_of_ours(paths))), "lacking": {str(p): s.value for p, s in left}}))
    else:
        lines = (f"{os.path.relpath(path)}: its checksum {state.value}" for path, state in left)
        say(
            *lines,
            f"{len(list(files_of_ours(paths)))} files, {len(found) - len(left)} stamped, {len(left)} not in order",
        )
    return 1 if left else 0
