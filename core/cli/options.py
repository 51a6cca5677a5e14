"""What options take: numbers, names and places; what is impossible is refused before anything is done."""

import argparse
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.data.tasks import listed_tasks

LARGEST = 2**31 - 1
"""Of counts and seeds."""
MOST = 1e6
"""Of every other number: no radius, weight or share comes near it."""

_WHOLE = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,10})?", re.ASCII)
_SHOWN = 40  # characters of what was given that a sentence repeats


def whole(text: str, low: int = 1, high: int = LARGEST) -> int:
    """The whole number in a text.

    Raises:
        argparse.ArgumentTypeError: there is none, or it lies outside `low`..`high`.
    """
    value = int(text) if _WHOLE.fullmatch(text.strip()) else None
    if value is None or not low <= value <= high:
        raise argparse.ArgumentTypeError(f"must be a whole number in {low}..{high}; got {quote(text)}")
    return value


def number(text: str, low: float = 0.0, high: float = MOST) -> float:
    """The number in a text, a decimal or a fraction of whole numbers such as 8/255.

    Raises:
        argparse.ArgumentTypeError: there is none, it is no finite number or too small for one, or it lies outside
            `low`..`high`.
    """
    value = _number(text.strip())
    if value is None or not low <= value <= high:
        raise argparse.ArgumentTypeError(
            f"must be a number in {low:g}..{high:,.0f}, as a decimal or a fraction such as 8/255; got {quote(text)}"
        )
    return value


def _number(text: str) -> float | None:
    """The number, correctly rounded; None for what is none."""
    above, slash, below = text.partition("/")
    if slash:
        if not (_WHOLE.fullmatch(above) and _WHOLE.fullmatch(below)) or int(below) == 0:
            return None
        return int(above) / int(below)
    if not _DECIMAL.fullmatch(text):
        return None
    value = float(text)
    digits = re.split("[eE]", text)[0]
    vanished = value == 0 and any(sign in "123456789" for sign in digits)
    return None if math.isinf(value) or vanished else value


def quote(text: str) -> str:
    """What was given, as a sentence repeats it."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def count(text: str) -> int:
    """A whole number of at least 1."""
    return whole(text)


def seed(text: str) -> int:
    """A seed."""
    return whole(text, low=0)


def threads(text: str) -> int:
    """A number of threads that a machine can have."""
    return whole(text, high=1024)


def port(text: str) -> int:
    """A TCP port."""
    return whole(text, high=65_535)


def share(text: str) -> float:
    """A number from 0 to 1."""
    return number(text, high=1.0)


def keys(text: str) -> tuple[str, ...]:
    """Names joined by commas, each once, in their order.

    Raises:
        argparse.ArgumentTypeError: no name.
    """
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise argparse.ArgumentTypeError(f"must be names joined by commas; got {quote(text)}")
    return found


def assignment(text: str) -> tuple[str, str]:
    """`name=value` as its two parts.

    Raises:
        argparse.ArgumentTypeError: a part is missing.
    """
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise argparse.ArgumentTypeError(f"must be name=value, such as attack.epsilon=8/255; got {quote(text)}")
    return name.strip(), value.strip()


def new_file(text: str) -> Path:
    """A file that can be written.

    Raises:
        argparse.ArgumentTypeError: it is a folder, or lies where nothing can be written.
    """
    path = Path(text)
    if path.is_dir() or text.endswith(os.sep):
        raise argparse.ArgumentTypeError(f"must name a file; {text} is a folder")
    return _writable(path, path.parent)


def new_folder(text: str) -> Path:
    """A folder that can be written to, there already or not.

    Raises:
        argparse.ArgumentTypeError: it is a file, or lies where nothing can be written.
    """
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"must name a folder; {text} is a file")
    return _writable(path, path)


def _writable(path: Path, folder: Path) -> Path:
    """The path, if the nearest folder above it that is there can be written to."""
    there = next((each for each in (folder, *folder.parents) if each.exists()), Path())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} can't be written: {there} is no folder that takes files")
    return path


Add = Callable[["argparse._SubParsersAction[argparse.ArgumentParser]", argparse.ArgumentParser], None]
"""How a command joins the others: it is given them, and the options that all share."""


def task_command(
    commands: Any, shared: argparse.ArgumentParser, name: str, words: str, required: bool = True
) -> argparse.ArgumentParser:
    """A command about one task, which `--task` names; `words` stand in the help."""
    command: argparse.ArgumentParser = commands.add_parser(name, parents=[shared], help=words)
    command.add_argument("--task", choices=listed_tasks(), required=required)
    return command
