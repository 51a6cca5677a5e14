"""Standard output and error: what is said, progress, and what happens where nobody can read it."""

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from core.errors import InputError
from core.progress import OnPartProgress

if TYPE_CHECKING:
    from tqdm import tqdm


class ReaderGoneError(Exception):
    """Whoever read the output has closed it, as `head` does when it has seen enough."""


class _Closed(io.TextIOBase):
    """In the place of a standard output that was closed before the start; whatever is written to it is lost."""

    def __init__(self) -> None:
        self._lost = False

    def write(self, text: str) -> int:
        self._lost = self._lost or bool(text)
        return len(text)

    def flush(self) -> None:
        if self._lost:
            self._lost = False
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def stand_in_for_closed() -> None:
    """Put something in the place of closed streams, so that no file takes their number and no library fails."""
    if sys.stdout is None:
        os.open(os.devnull, os.O_RDWR)
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it lives as long as the process


def say(*lines: str) -> None:
    """Print lines on standard output.

    Raises:
        ReaderGoneError: nobody reads it any more.
        InputError: it can't be written, such as to a full disk.
    """
    _written(lambda: print(*lines, sep="\n", flush=True))


def complain(text: str) -> None:
    """One line on standard error, if anybody reads it."""
    with suppress(OSError):
        print(f"robustscope: {text}", file=sys.stderr, flush=True)


def flush() -> None:
    """Have everything written that was said.

    Raises:
        ReaderGoneError: nobody reads it any more.
        InputError: it can't be written.
    """
    _written(sys.stdout.flush)


def _written(write: Callable[[], None]) -> None:
    try:
        write()
    except BrokenPipeError as error:
        _drop()
        raise ReaderGoneError from error
    except OSError as error:
        _drop()
        raise InputError(f"the output could not be written: {error.strerror or error}") from error


def _drop() -> None:
    """Let go what is left in the buffer: Python would try to write it again at its end, and complain."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        sys.stdout.flush()


def follow(bar: "tqdm[object]") -> OnPartProgress:
    """A callback that shows what is measured and how far it is."""

    def on_progress(what: str, done: int, of: int) -> None:
        bar.total = of
        bar.n = done
        bar.set_description(what)

    return on_progress
