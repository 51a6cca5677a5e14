"""Files as a whole: written in one move, read up to a limit."""

import os
from contextlib import suppress
from pathlib import Path

from core.errors import InputError


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader, or a kill, sees the old file or the new one, never a part.

    A folder that another process removes meanwhile is made once more.

    Raises:
        InputError: the folder can't be written, or the disk is full.
    """
    scratch = path.with_name(path.name + ".part")
    for again in (True, False):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_bytes(data)
            os.replace(scratch, path)
            return
        except OSError as error:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            if not (again and isinstance(error, FileNotFoundError)):
                raise InputError(f"{path} could not be written: {error.strerror or error}") from error


def read_limited(path: Path, limit: int) -> bytes:
    """The bytes of a file of at most `limit` bytes.

    Raises:
        InputError: it can't be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path} could not be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise InputError(f"{path.name} is larger than {limit / 1e6:.0f} MB")
    return data
