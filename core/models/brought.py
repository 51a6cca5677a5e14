"""Networks in the user's folder, which `robustscope fetch` and `robustscope import` put there: how large, and away."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.models.zoo import user_models

_SUFFIXES = (".json", ".safetensors")  # the card goes first: what has none is no network any more


@dataclass(frozen=True, slots=True)
class Brought:
    """A network's files.

    Attributes:
        task: the key of what it solves.
        key: its name.
        files: card and weights, those of them that are there.
        size: bytes of them.
    """

    task: str
    key: str
    files: tuple[Path, ...]
    size: int


def brought_networks() -> list[Brought]:
    """All that are there by task and key, also those whose card is damaged or missing."""
    found = {(path.parent.name, path.stem) for suffix in _SUFFIXES for path in user_models().glob(f"*/*{suffix}")}
    return [_brought(task, key) for task, key in sorted(found)]


def remove_brought(network: Brought) -> None:
    """Remove a network's files. What is noted of its first fetch stays, so that a later one must give the same file.

    Raises:
        InputError: a file can't be removed.
    """
    for path in network.files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path} could not be removed: {error.strerror or error}") from error


def _brought(task: str, key: str) -> Brought:
    files = tuple(path for suffix in _SUFFIXES if (path := user_models() / task / f"{key}{suffix}").exists())
    return Brought(task, key, files, sum(path.stat().st_size for path in files))
