"""The processes that decode: few, started when first needed, ended and replaced when a file takes too much."""

import atexit
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from core.decoding import child
from core.decoding.decoder import BACKGROUNDS
from core.decoding.picture import Background, Levels, Picture, check_size
from core.decoding.worker import READY, Limits
from core.errors import InputError

AT_ONCE = 2  # each decode may take the memory that a worker may have
_START = 60.0  # seconds that a worker may take to start
_PIPE = 1 << 20  # bytes; the usual 64 kB make four times as many turns between the two processes
_LIMITS = Limits()


class _Worker:
    """One process of `core.decoding.worker`; used by one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        """Start it."""
        self.limits = limits
        self.process = child.start("core.decoding.worker", (limits.cpu_seconds, limits.memory))
        assert self.process.stdin is not None and self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout
        for pipe in (self.requests, self.answers):
            _widen(pipe.fileno())
        try:
            with self._clock(_START):
                ready = self.answers.readline()
        except BaseException:
            self.end()
            raise
        if ready != READY:
            self.end()
            raise RuntimeError(f"a decoder did not start; it ended with {self.process.returncode}")

    def decode(self, data: bytes, background: Background) -> Picture:
        """The picture in `data`.

        Raises:
            InputError: it is none, or it took too much; then the process has ended.
        """
        try:
            with self._clock(self.limits.seconds) as late:
                answer, pixels, levels = self._exchange(data, background)
        except (OSError, EOFError, ValueError) as error:  # the process ended, or its answer is none
            self.end(1.0)  # its pipe ends a moment before it does, and the reason is in how it ends
            raise InputError(self._why(late)) from error
        except BaseException:  # half an answer may be left in the pipe
            self.end()
            raise
        if pixels is None:
            if answer.get("last"):
                self.end()
            raise InputError(answer["error"])
        return Picture(pixels, answer["format"], answer["width"], answer["height"], tuple(answer["notes"]), levels)

    def _exchange(self, data: bytes, background: Background) -> tuple[dict[str, Any], np.ndarray | None, Levels | None]:
        place = [*BACKGROUNDS].index(background)
        self.requests.write(bytes([place]) + len(data).to_bytes(8, "little"))
        self.requests.write(data)
        self.requests.flush()
        answer = json.loads(self._read(int.from_bytes(self._read(8), "little")))
        if "error" in answer:
            return answer, None, None
        height, width = answer["height"], answer["width"]
        check_size(width, height)
        pixels = self._array((height, width, 3), np.uint8)
        if "levels" not in answer:
            return answer, pixels, None
        of = answer["levels"]
        samples, curve = self._array((height, width), np.uint16), np.array(of["curve"], np.uint8)
        return answer, pixels, Levels(samples, of["offset"], of["slope"], tuple(of["start"]), curve)

    def _array(self, shape: tuple[int, ...], kind: type[np.generic]) -> np.ndarray:
        """What comes next, read-only: pictures are cached and shared."""
        found = np.empty(shape, kind)
        view = found.reshape(-1).view(np.uint8).data
        if self.answers.readinto(view) != found.nbytes:  # type: ignore[attr-defined]
            raise EOFError
        found.setflags(write=False)
        return found

    def _read(self, count: int) -> bytes:
        found = self.answers.read(count)
        if len(found) < count:
            raise EOFError
        return found

    @contextmanager
    def _clock(self, seconds: float) -> Iterator[threading.Event]:
        """End the process when the block takes too long, which ends the block; the event then says why."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _why(self, late: threading.Event) -> str:
        if late.is_set():
            return f"The picture takes more than {self.limits.seconds:g} seconds to decode."
        if self.process.returncode == -getattr(signal, "SIGXCPU", 0):
            return f"The picture takes more than {self.limits.cpu_seconds} seconds of a processor to decode."
        return "This file ended the program that decodes pictures, so it is not read."

    def end(self, grace: float = 0.0) -> None:
        """End the process, whatever it does, after `grace` seconds in which it may end by itself."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(grace)
        self.process.kill()
        self.process.wait()
        for pipe in (self.requests, self.answers):
            with suppress(OSError):
                pipe.close()


class Pool:
    """At most `count` workers; safe under many threads. Nothing runs before the first file comes."""

    def __init__(self, count: int = AT_ONCE, limits: Limits = _LIMITS) -> None:
        self._places = threading.BoundedSemaphore(count)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._limits = limits

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait until fewer than `count` threads decode, or resize what is large: both count as one."""
        with self._places:
            yield

    def decode(self, data: bytes, background: Background) -> Picture:
        """As `core.images.decode`.

        Raises:
            InputError: as there.
        """
        with self.place():
            worker = self._take()
            try:
                return worker.decode(data, background)
            finally:
                if worker.process.poll() is None:
                    with self._lock:
                        self._idle.append(worker)

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return _Worker(self._limits)
            if worker.process.poll() is None:
                return worker
            worker.end()  # something outside ended it while it waited

    def close(self) -> None:
        """End the workers that wait; the pool goes on, with new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()


_pool = Pool()


def pool() -> Pool:
    """This process's pool."""
    return _pool


def _renew() -> None:
    """A forked process must not talk to its parent's workers."""
    global _pool  # noqa: PLW0603
    _pool = Pool()


def _widen(pipe: int) -> None:
    """Let a pipe hold more at once, where the system can."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl  # noqa: PLC0415

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
atexit.register(lambda: pool().close())
