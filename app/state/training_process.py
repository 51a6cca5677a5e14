"""The process that trains one order: started, told a word at a time, listened to, ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from core.errors import InputError
from core.training.jobs.messages import Event, decode

ROOT = Path(__file__).resolve().parents[2]


def worker_command(folder: Path, out: Path) -> list[str]:
    """What starts the process that trains the order in `folder`."""
    return [sys.executable, "-m", "core.training.jobs.worker", str(folder), str(out)]


class TrainingProcess:
    """One running process; it ends by itself when its starter does."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it.

        Raises:
            OSError: it can't be started.
        """
        environment, pipe = os.environ | {"OMP_NUM_THREADS": "1"}, subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)

    def say(self, word: str) -> bool:
        """Tell it a word; whether it could be told."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def events(self) -> Iterator[Event]:
        """What it tells, until it ends; what nobody understands is left out."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(InputError):
                yield decode(line)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self) -> int:
        """Its exit code, once it is over."""
        code = self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        return code


def how_it_died(code: int) -> str:
    """What to say of a process that ended without a word, by its exit code."""
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return f"The training's process ended unexpectedly, {how}; that happens when memory runs out."
