"""Processes forked from one that has imported torch: the same work, begun at once, such as that of readers of files."""

import multiprocessing
import os
import resource
import subprocess
from collections.abc import Callable, Sequence
from multiprocessing import spawn
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from core.decoding import child
from core.errors import InputError
from core.models.foreign import worker
from core.models.foreign.reading import read_foreign

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([worker.__name__, "core.models.foreign.tensors", "core.models.foreign.onnx_graph"])
_start, _told = child.start, spawn.get_preparation_data


def _told_without_main(name: str) -> dict[str, Any]:
    """What a process is told as it begins, but for its main module: where a page runs, that is the page's script."""
    return {key: value for key, value in _told(name).items() if not key.startswith("init_main")}


spawn.get_preparation_data = _told_without_main  # for good: pages run in threads, whose turns no test can know


def begun(work: Callable[..., object], *given: object) -> BaseProcess:
    """A process that does this in the environment that is here now, not in that of the first test that forked one."""
    process = FORKS.Process(target=_in_environment, args=(dict(os.environ), work, given), daemon=True)
    process.start()
    return process


def _in_environment(environment: dict[str, str], work: Callable[..., object], given: Sequence[object]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    work(*given)


def refused_apart(path: Path, out: Path) -> tuple[str, int]:
    """Why a file is not read, and the kB of memory that the processes took which tried, new interpreters."""
    answers, other = FORKS.Pipe(duplex=False)
    process = begun(_refuse, other, path, out)
    other.close()
    found = answers.recv()
    process.join()
    return found


def _refuse(answers: Connection, path: Path, out: Path) -> None:
    try:
        read_foreign(path, out)
    except InputError as error:
        answers.send((str(error), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))


def _read(answers: Connection, arguments: Sequence[object]) -> None:
    os.dup2(answers.fileno(), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    worker.main(*arguments)


class Forked:
    """What `subprocess.Popen` has, and is asked of a process that reads a file."""

    def __init__(self, arguments: Sequence[object]) -> None:
        self.answers, other = FORKS.Pipe(duplex=False)
        self.process = begun(_read, other, arguments)
        other.close()

    def communicate(self, timeout: float) -> tuple[bytes, None]:
        """All that it says, which is a few hundred bytes and waits in the pipe until it has ended."""
        self.process.join(timeout)
        if self.process.is_alive():
            raise subprocess.TimeoutExpired(worker.__name__, timeout)
        return os.read(self.answers.fileno(), 1 << 16), None

    def kill(self) -> None:
        self.process.kill()

    def wait(self) -> None:
        self.process.join()
        self.answers.close()

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode


def start(module: str, arguments: Sequence[object], errors: int | None = None) -> "Forked | subprocess.Popen":
    """As `child.start`, without a new interpreter where a foreign file is read."""
    return Forked(arguments) if module == worker.__name__ else _start(module, arguments, errors)
