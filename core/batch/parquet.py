"""Pictures in the rows of Parquet files, read in a process with limits: a small file may unpack to any size."""

import atexit
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from core.batch.parquet_worker import COUNT, DONE, FAILED, READ, TOO_LARGE
from core.data.incoming import Incoming, checked
from core.decoding import child
from core.errors import InputError
from core.images import MAX_BYTES

_MEMORY = 3_000_000_000  # of addresses: it holds a column's page up to three times, and pages of 800 MB are written
_CPU_SECONDS = 120
_MESSAGE = 100_000  # bytes of one, without its picture
_PIECE = 1 << 20  # bytes of the file in memory here


def count_rows(file: BinaryIO) -> int:
    """How many rows an open Parquet file says that it has.

    Raises:
        InputError: it can't be read, or has more than are taken.
    """
    (count,) = _answers(file, None)
    return int(count)


def pictures(file: BinaryIO, location: str, rows: range) -> Iterator[Incoming]:
    """The pictures of some rows of an open Parquet file, one after the other.

    Args:
        file: read here; the process that unpacks it opens nothing.
        location: what paths begin with.
        rows: those wanted.

    Raises:
        InputError: it can't be read, or takes too much memory or time; says why in one sentence.
    """
    for row, name, size, data in _answers(file, rows):
        path = f"{location}/{name or row}"
        if size is None:
            yield Incoming(path, error="The row holds no picture.")
        else:
            yield checked(path, lambda data=data: data, size, nested=True)  # type: ignore[misc]


class _Worker:
    """One process of `core.batch.parquet_worker`; used by one thread at a time."""

    def __init__(self) -> None:
        self.process = child.start("core.batch.parquet_worker", (_MEMORY, _CPU_SECONDS, MAX_BYTES))
        assert self.process.stdin is not None and self.process.stdout is not None
        self._requests, self._found = self.process.stdin, self.process.stdout

    def answers(self, file: BinaryIO, rows: range | None) -> Iterator[Any]:
        """The number of rows, or row, name, size and bytes of each picture."""
        wanted = None if rows is None else [rows.start, rows.stop]
        text = json.dumps({"size": file.seek(0, os.SEEK_END), "rows": wanted}).encode()
        self._write(len(text).to_bytes(8, "little") + text)
        while (kind := self._read(1)) != DONE:
            size = int.from_bytes(self._read(8), "little")
            found = json.loads(self._read(min(size, _MESSAGE)))
            if kind == READ:
                self._serve(file, *found)
            elif kind == FAILED:
                raise InputError(found)
            elif kind == COUNT:
                yield found
            else:
                size = found[2] or 0
                yield *found, self._read(size) if size <= MAX_BYTES else b""

    def _serve(self, file: BinaryIO, offset: int, size: int) -> None:
        """Send a part of the file, piece by piece."""
        file.seek(offset)
        while size:
            data = file.read(min(size, _PIECE))
            if not data:
                raise InputError("The file is shorter than it was.")
            self._write(data)
            size -= len(data)

    def _write(self, data: bytes) -> None:
        try:
            self._requests.write(data)
            self._requests.flush()
        except BrokenPipeError as error:
            raise EOFError from error

    def _read(self, size: int) -> bytes:
        found = self._found.read(size)
        if len(found) < size:
            raise EOFError
        return found

    def why(self) -> str:
        """Why it ended."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)  # its pipe ends a moment before it does
        if self.process.returncode == -getattr(signal, "SIGXCPU", 0):
            return f"The Parquet file takes more than {_CPU_SECONDS} seconds of a processor to read."
        if self.process.returncode == -getattr(signal, "SIGABRT", 0):  # how a library ends that is refused memory
            return TOO_LARGE
        return "This Parquet file ended the program that reads such files, so it is not read."

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self._requests, self._found):
            with suppress(OSError):
                pipe.close()


_idle: list[_Worker] = []


def _answers(file: BinaryIO, rows: range | None) -> Iterator[Any]:
    """What a process answers; it is kept for the next file unless something went wrong."""
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    try:
        yield from worker.answers(file, rows)
    except EOFError as error:
        raise InputError(worker.why()) from error
    else:
        _idle.append(worker)
    finally:
        if worker not in _idle:
            worker.end()


def _close() -> None:
    while _idle:
        _idle.pop().end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a forked process must not talk to its parent's
atexit.register(_close)
