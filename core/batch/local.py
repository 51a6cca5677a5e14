"""The processes of this machine: each takes the networks up once, and does one shard after the other."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from core.batch.divided import A, Divided, P, Piecewise
from core.errors import ConfigError, CoreError, InputError

ATTEMPTS = 5
"""How often a shard is begun, where whatever does it is killed."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """Processes of this machine; one is this process itself. As a context it keeps them from one call to the next.

    Attributes:
        processes: how many.
    """

    def __init__(self, processes: int) -> None:
        """No process is begun yet.

        Raises:
            ConfigError: fewer than one.
        """
        if processes < 1:
            raise ConfigError(f"processes must be at least 1; got {processes}")
        self.processes = processes
        self._crew: _Crew | None = None
        self._keeps = False

    def __enter__(self) -> Self:
        self._keeps = True
        return self

    def __exit__(self, *exc: object) -> None:
        self._keeps = False
        self._end()

    def answers(self, job: Divided[P, A], shards: Iterable[P]) -> Iterator[A]:
        """As `core.batch.engine.BatchEngine`."""
        if self.processes == 1:
            yield from (job.answer(shard) for shard in shards)
            return
        if self._crew is None or self._crew.identity != job.identity:
            self._end()
            self._crew = _Crew(job, self.processes)
        whole = False
        try:
            yield from self._crew.answers(shards)
            whole = True
        finally:
            if not (whole and self._keeps):  # a worker that still has a shard in hand is of no use to the next call
                self._end()

    def _end(self) -> None:
        if self._crew is not None:
            self._crew.end()
        self._crew = None


class _Worker:
    """A process that does shards, one at a time."""

    def __init__(self, job: Divided[Any, Any], shard: Piecewise) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # the other end is the process's alone, so that its end is heard
        self.shard: Piecewise | None = shard
        # The process imports for seconds before it reads; the others are not kept waiting for that.
        self._greeting = threading.Thread(target=self._send, args=(job, shard), daemon=True)
        self._greeting.start()

    def give(self, shard: Piecewise | None) -> None:
        """Let it do a shard, after it has answered for the one before."""
        self.shard = shard
        if shard is not None:
            self._send(shard)

    def _send(self, *parts: object) -> None:
        """That it has ended is found when its answer is read."""
        with suppress(OSError):
            for part in parts:
                self.pipe.send(part)

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.join()
        self._greeting.join()
        self.pipe.close()


class _Crew:
    """The workers of one job."""

    def __init__(self, job: Divided[Any, Any], processes: int) -> None:
        self._job, self._processes = job, processes
        self.identity = job.identity
        self._killed: Counter[int] = Counter()  # processes, by the shard that they had in hand
        self._workers: list[_Worker] = []

    def answers(self, shards: Iterable[Any]) -> Iterator[Any]:
        """What comes out, as it comes."""
        self._killed.clear()
        waiting = iter(shards)
        for worker in self._workers:
            worker.give(next(waiting, None))
        new = islice(waiting, self._processes - len(self._workers))
        self._workers += [_Worker(self._job, shard) for shard in new]
        while busy := {worker.pipe: worker for worker in self._workers if worker.shard is not None}:
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                try:
                    found = pipe.recv()
                except (EOFError, OSError):
                    self._replace(busy[pipe])
                    continue
                if isinstance(found, CoreError):
                    raise found
                if isinstance(found, _Fault):
                    raise RuntimeError(f"a shard failed:\n{found.trace}")
                busy[pipe].give(next(waiting, None))
                yield found

    def _replace(self, worker: _Worker) -> None:
        """Let another process do the shard of one that was killed."""
        shard = worker.shard
        assert shard is not None
        worker.end()
        self._workers.remove(worker)
        self._killed[shard.number] += 1
        if self._killed[shard.number] == ATTEMPTS:
            raise InputError(
                f"shard {shard.number} ended {ATTEMPTS} processes, the last with {worker.process.exitcode}: too little "
                f"memory may be left; it {shard.words}"
            )
        self._workers.append(_Worker(self._job, shard))

    def end(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.end()


@dataclass(frozen=True, slots=True)
class _Fault:
    """What went wrong in a process, and where."""

    trace: str


def serve(pipe: Connection) -> None:
    """Do shards until the pipe is closed, which it is when whoever holds its other end has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the one that asks
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        job = pipe.recv()
        while True:
            shard = pipe.recv()
            found: object
            try:
                found = job.answer(shard)
            except CoreError as error:
                found = error
            except Exception:  # the one that asks raises it
                found = _Fault(traceback.format_exc())
            pipe.send(found)
