"""The checkpoint of a training: the old one or the new one, whatever happens in between."""

import io
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from core.checksums import read_checked, write_checked

NAME = "checkpoint.pt"
MAX_BYTES = 2_000_000_000


def read_checkpoint(folder: Path, device: torch.device) -> dict[str, Any] | None:
    """What was written last to `folder`; None where there is nothing yet.

    Raises:
        InputError: it can't be read, or is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(read_checked(path, MAX_BYTES)), device, weights_only=True)
    return state


def write_checkpoint(state: Mapping[str, Any], folder: Path) -> None:
    """Write tensors and plain values to `folder` (created) in one move, so that a kill leaves the old ones or these.

    Raises:
        InputError: the folder can't be written, or the disk is full.
    """
    file = io.BytesIO()
    torch.save(dict(state), file)
    write_checked(folder / NAME, file.getvalue())


def remove_checkpoint(folder: Path) -> None:
    """Remove what was written last, where that is possible."""
    with suppress(OSError):
        (folder / NAME).unlink()
