"""Tasks that people bring: a file each, listed beside the project's own, or found by a secret key alone."""

import json
import os
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from core.checksums import read_checked, write_checked
from core.data.tasks.task import BROUGHT, Task
from core.errors import ConfigError, CoreError, InputError
from core.text import shorten

PRIVATE = "own-"  # the key of a task that only its owner may know begins so, and goes on with what nobody guesses
MOST_CLASSES = 1_000
MOST_NAME = 80
SIDES = (8, 1024)
MAX_BYTES = 200_000
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_PHOTOGRAPH = 64  # pixels from which on a task's radii are those that are usual for photographs

_private: dict[str, Task] = {}


def own_task(key: str, title: str, class_names: Sequence[str], channels: int, side: int) -> Task:
    """A task of somebody's own; robustness is asked at the radii that are usual for the size.

    Raises:
        ConfigError: a key, title, name, or number that can't be.
    """
    if not _KEY.fullmatch(key):
        raise ConfigError(
            f"a task's key must have lower-case letters, digits and hyphens alone; got {shorten(key, 40)}"
        )
    if not title.strip() or len(title) > MOST_NAME:
        raise ConfigError(f"a task's title must have 1 to {MOST_NAME} characters; got {shorten(title, 40)}")
    if channels not in (1, 3) or not SIDES[0] <= side <= SIDES[1]:
        raise ConfigError(
            f"pictures have 1 or 3 channels and {SIDES[0]} to {SIDES[1]} pixels a side; got {channels} and {side}"
        )
    names = tuple(checked_names(class_names))
    radii = {"linf": 4 / 255, "l2": 3.0} if side >= _PHOTOGRAPH else {"linf": 8 / 255, "l2": 0.5}
    return Task(
        key=key,
        title=title.strip(),
        class_names=names,
        shape=(channels, side, side),
        mean=(0.5,) * channels,
        std=(0.25,) * channels,
        source=f"Brought from elsewhere: {len(names):,} classes, {side}x{side} pixels.",
        reader=BROUGHT,
        trained=False,
        radii=radii,  # type: ignore[arg-type]
    )


def checked_names(names: Sequence[str]) -> list[str]:
    """Class names without the space around them.

    Raises:
        ConfigError: fewer than two or too many, an empty or long one, or one that comes twice.
    """
    plain = [name.strip() for name in names]
    if not 2 <= len(plain) <= MOST_CLASSES:
        raise ConfigError(f"a task has 2 to {MOST_CLASSES:,} classes; got {len(plain):,}")
    for name in plain:
        if not name or len(name) > MOST_NAME or not name.isprintable():
            raise ConfigError(
                f"a class name must have 1 to {MOST_NAME} printable characters; got {shorten(name, 40)!r}"
            )
    folded = [name.casefold() for name in plain]
    if len(set(folded)) < len(folded):
        twice = next(name for name in plain if folded.count(name.casefold()) > 1)
        raise ConfigError(f"every class needs a name of its own; {shorten(twice, 40)!r} comes twice")
    return plain


def names_in(text: str) -> list[str]:
    """Class names from what somebody pasted or keeps in a file: one a line, or JSON (a list, or an object by number).

    Raises:
        ConfigError: JSON of another kind, or names that can't be.
    """
    if text.lstrip().startswith(("[", "{")):
        return checked_names(_names_of_json(text))
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    return checked_names([re.sub(r"^\s*\d+\s*[:,;\t]\s*", "", line).strip().strip("\"'") for line in lines])


def _names_of_json(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError("the class names look like JSON, and can't be read as such") from error
    if isinstance(found, dict):
        if all(isinstance(value, int) for value in found.values()):  # as torchvision's class_to_idx
            found = {str(number): name for name, number in found.items()}
        try:
            found = [found[str(number)] for number in range(len(found))]
        except KeyError as error:
            raise ConfigError(f"class {error.args[0]} has no name: the numbers must be 0, 1, 2 and so on") from error
    if not isinstance(found, list) or not all(isinstance(name, str | list) for name in found):
        raise ConfigError("class names in JSON must be a list of texts, or an object by number")
    return [str(name[-1]) if isinstance(name, list) and name else str(name) for name in found]


def secret_key() -> str:
    """A key that nobody guesses."""
    return f"{PRIVATE}{secrets.token_hex(16)}"


def user_folder() -> Path:
    """Where whoever runs this keeps networks and tasks of their own: `ROBUSTSCOPE_USER`, or in their data folder."""
    from platformdirs import user_data_path  # noqa: PLC0415 - rarely needed, and help is quick

    configured = os.environ.get("ROBUSTSCOPE_USER")
    return Path(configured).expanduser() if configured else user_data_path("robustscope")


def write_task(task: Task, folder: Path) -> None:
    """Keep a task as `folder / tasks / key.json`, in one move.

    Raises:
        InputError: the folder can't be written.
    """
    values = {"key": task.key, "title": task.title, "classes": list(task.class_names), "shape": list(task.shape)}
    write_checked(task_path(folder, task.key), json.dumps(values, indent=1).encode())


def task_path(folder: Path, key: str) -> Path:
    """The file of a task under a folder."""
    return folder / "tasks" / f"{key}.json"


def read_task(path: Path) -> Task:
    """The task in a file from anywhere.

    Raises:
        InputError: it can't be read, or describes no task.
    """
    try:
        found = json.loads(read_checked(path, MAX_BYTES))
        channels, side, width = found["shape"]
        if not all(type(value) is int for value in (channels, side, width)) or side != width:
            raise InputError("pictures are square")
        if not all(isinstance(value, str) for value in (found["key"], found["title"], *found["classes"])):
            raise InputError("key, title and classes are texts")
        if found["key"] != path.stem:
            raise InputError("its key is not its file's name")
        return own_task(found["key"], found["title"], found["classes"], channels, side)
    except (ValueError, KeyError, TypeError, RecursionError, CoreError) as error:
        raise InputError(f"{shorten(path.name)} describes no task: {shorten(error, 100)}") from error


def tasks_in(folder: Path) -> dict[str, Task]:
    """The tasks kept under a folder by key; a file that describes none is passed over."""
    try:
        paths = sorted((folder / "tasks").glob("*.json"))
        return dict(_read(tuple((path, path.stat().st_mtime_ns) for path in paths)))
    except OSError:
        return {}


@lru_cache(maxsize=256)
def _read(stamped: tuple[tuple[Path, int], ...]) -> tuple[tuple[str, Task], ...]:
    found = []
    for path, _ in stamped:
        try:
            task = read_task(path)
        except InputError:
            continue
        found.append((task.key, task))
    return tuple(found)


def keep_private(tasks: Sequence[Task]) -> None:
    """Let tasks be found by their keys, which are in no list."""
    _private.update({task.key: task for task in tasks})


def forget_private(key: str) -> None:
    """Forget such a task."""
    _private.pop(key, None)


def private_task(key: str) -> Task | None:
    """The task with this secret key; None where there is none."""
    return _private.get(key)
