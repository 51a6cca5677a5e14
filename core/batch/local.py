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

from core.batch.job import Answer, Job, answer
from core.batch.shards import Shard
from core.errors import ConfigError, CoreError, InputError

ATTEMPTS = 5
"""How often a shard is begun, where whatever does it is killed."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Processes of this machine; one is this process itself.

    Attributes:
        processes: how many.

    Raises:
        ConfigError: fewer than one.
    """

    processes: int

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise ConfigError(f"processes must be at least 1; got {self.processes}")

    def answers(self, job: Job, shards: Iterable[Shard]) -> Iterator[Answer]:
        """As `core.batch.engine.BatchEngine`."""
        if self.processes == 1:
            yield from (answer(job, shard) for shard in shards)
            return
        crew = _Crew(job, shards, self.processes)
        try:
            yield from crew.answers()
        finally:
            crew.end()


class _Worker:
    """A process that does shards, one at a time."""

    def __init__(self, job: Job, shard: Shard) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # the other end is the process's alone, so that its end is heard
        self.shard: Shard | None = shard
        # The process imports for seconds before it reads; the others are not kept waiting for that.
        self._greeting = threading.Thread(target=self._send, args=(job, shard), daemon=True)
        self._greeting.start()

    def give(self, shard: Shard | None) -> None:
        """Let it do a shard, after it has answered for the one before."""
        self.shard = shard
        if shard is not None:
            self._send(shard)

    def _send(self, *parts: Job | Shard) -> None:
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
    """The workers of one call, and what is still to be done."""

    def __init__(self, job: Job, shards: Iterable[Shard], processes: int) -> None:
        self._job = job
        self._waiting = iter(shards)
        self._killed: Counter[int] = Counter()  # processes, by the shard that they had in hand
        self._workers = [_Worker(job, shard) for shard in islice(self._waiting, processes)]

    def answers(self) -> Iterator[Answer]:
        """What comes out, as it comes."""
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
                if not isinstance(found, Answer):
                    raise RuntimeError(f"a shard failed:\n{found}")
                busy[pipe].give(next(self._waiting, None))
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
                "memory may be left; it begins with " + shard.pieces[0].location
            )
        self._workers.append(_Worker(self._job, shard))

    def end(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.end()


def serve(pipe: Connection) -> None:
    """Do shards until the pipe is closed, which it is when whoever holds its other end has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the one that asks
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        job = pipe.recv()
        while True:
            shard = pipe.recv()
            found: Answer | CoreError | str
            try:
                found = answer(job, shard)
            except CoreError as error:
                found = error
            except Exception:  # the one that asks raises it
                found = traceback.format_exc()
            pipe.send(found)
