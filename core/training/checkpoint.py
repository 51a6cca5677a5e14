"""The checkpoint of a training: the old one or the new one, whatever happens in between."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from core.errors import InputError

NAME = "checkpoint.pt"


def read_checkpoint(folder: Path, device: str) -> dict[str, Any] | None:
    """What was written last to `folder`; None where there is nothing yet."""
    path = folder / NAME
    return torch.load(path, map_location=device, weights_only=True) if path.exists() else None


def write_checkpoint(state: Mapping[str, Any], folder: Path) -> None:
    """Write tensors and plain values to `folder` (created) in one move, so that a kill leaves the old ones or these.

    Raises:
        InputError: the folder can't be written, or the disk is full.
    """
    scratch = folder / f"{NAME}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(dict(state), scratch)
        os.replace(scratch, folder / NAME)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise InputError(f"the checkpoint could not be written to {folder}: {error}") from error


def remove_checkpoint(folder: Path) -> None:
    """Remove what was written last, where that is possible."""
    with suppress(OSError):
        (folder / NAME).unlink()
