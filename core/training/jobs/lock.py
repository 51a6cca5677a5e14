"""A folder that one process at a time trains in; the operating system lets go when that process ends, however."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.errors import InputError
from core.progress import ShouldStop, StoppedError, never

PATIENCE = 60.0  # seconds; a training whose server was killed ends after the step it is in, within 36 s as measured
LOCK = "lock"

if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path, patience: float = PATIENCE, should_stop: ShouldStop = never) -> Iterator[None]:
    """Have `folder` to oneself; wait up to `patience` seconds for another process to leave it.

    Raises:
        InputError: the other one stays, or the folder can't be written.
        StoppedError: `should_stop` said so while waiting.
    """
    end = time.monotonic() + patience
    try:
        file = (folder / LOCK).open("ab")
    except OSError as error:
        raise InputError(f"{folder} could not be written: {error.strerror or error}") from error
    with file:
        while True:
            try:
                _take(file)
                break
            except OSError as error:
                if time.monotonic() >= end:
                    raise InputError(
                        "Another process still trains in this folder: wait until it has ended, then resume."
                    ) from error
            if should_stop():
                raise StoppedError("stopped before another process left the folder")
            time.sleep(0.1)
        yield
