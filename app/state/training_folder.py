"""The folder of a training: its order, its teacher, and what a returning visitor will want to see of its course."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from core.errors import InputError
from core.training.jobs.messages import Event, Point, Ready, TrainingRequest, decode, encode, read_request

Files = Mapping[str, bytes]
ORDER, TRACE = "order.json", "trace.jsonl"


def set_up(folder: Path, order: TrainingRequest, files: Files) -> None:
    """Write an order and its teacher's files, by suffix, to a new folder.

    Raises:
        InputError: it can't be written.
    """
    try:
        folder.mkdir(parents=True)
        (folder / ORDER).write_text(order.to_json())
        for suffix, data in files.items():
            (folder / f"teacher{suffix}").write_bytes(data)
    except OSError as error:
        raise InputError(f"The training could not be set up on this server: {error.strerror or error}") from error


def note(folder: Path, event: Event) -> None:
    """Keep what is watched; a full disk is the worker's to report."""
    if isinstance(event, Ready | Point):
        with suppress(OSError), (folder / TRACE).open("a") as file:
            file.write(encode(event) + "\n")


def left_behind(parent: Path) -> list[Path]:
    """The folders of trainings, oldest first."""
    return [path.parent for path in sorted(parent.glob(f"*/{ORDER}"), key=lambda path: path.stat().st_mtime)]


def read(folder: Path) -> tuple[TrainingRequest, list[Event]]:
    """A training's order, and what was noted of its course.

    Raises:
        InputError: the order can't be read.
        OSError: the folder can't be read.
    """
    order, trace, events = read_request((folder / ORDER).read_text()), folder / TRACE, []
    for line in trace.read_text().splitlines() if trace.exists() else ():
        with suppress(InputError):  # the last line may be cut off
            events.append(decode(line))
    return order, events
