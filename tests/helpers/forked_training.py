"""The process that trains, forked from one that has imported torch: the same work and the same pipes, begun at once."""

import os
import sys
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from core.training.jobs import monitor, worker
from core.training.jobs.messages import TrainingRequest
from tests.helpers.forked import FORKS, begun
from tests.helpers.networks import TINY_GREY


def train_little(arguments: list[str]) -> int:
    """Obey an order, with a network of few channels."""
    plan = TrainingRequest.plan
    TrainingRequest.plan = lambda order: replace(plan(order), network=TINY_GREY)
    monitor.SAMPLE = 10  # measuring a hundred pictures takes most of a training as short as these
    return worker.main(arguments)


def _begin(words: Connection, events: Connection, arguments: list[str]) -> None:
    os.environ["ROBUSTSCOPE_NICE"] = "0"
    sys.stdin, sys.stdout = (
        os.fdopen(one.fileno(), mode, closefd=False) for one, mode in ((words, "r"), (events, "w"))
    )
    sys.exit(train_little(arguments))


class ForkedTraining:
    """What `subprocess.Popen` has, and is asked of a process that trains."""

    def __init__(self, folder: Path, out: Path) -> None:
        words, self._words = FORKS.Pipe(duplex=False)
        self._events, events = FORKS.Pipe(duplex=False)
        self._process = begun(_begin, words, events, [str(folder), str(out)])
        words.close()
        events.close()
        self.stdin = os.fdopen(os.dup(self._words.fileno()), "w")
        self._words.close()
        self.stdout = os.fdopen(os.dup(self._events.fileno()))
        self._events.close()

    def wait(self, timeout: float) -> int | None:
        self._process.join(timeout)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()
