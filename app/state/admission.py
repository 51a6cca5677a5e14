"""Whose computation goes next: so many at once, the quick ones first, and one place that no long one takes.

Pages compute in their own threads. Where forty did so at once, each would take forty times as long, and a visitor who
moves a slider would wait for those who asked for attacks.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

QUICK = 0.02  # seconds: what takes less never waits
LONG = 0.5  # seconds
PATIENCE = 4.0  # how many times its own length a computation lets quicker ones that come later go first
LATEST = 0.3  # share of the latest length in what is expected next time


class _Turn:
    """One computation that wants a place."""

    def __init__(self, expected: float) -> None:
        self.long = expected > LONG
        self.due = time.monotonic() + PATIENCE * expected
        self.admitted = threading.Event()


class Admission:
    """Places for computations, known by what they compute; safe under threads.

    How long each kind takes is learned in processor time. A kind that is not known yet counts as quick.
    """

    def __init__(self, places: int) -> None:
        """`places` computations at once, at least two, of which long ones take all but one."""
        self._places = max(2, places)
        self._expected: dict[str, float] = {}
        self._waiting: list[_Turn] = []
        self._running: list[_Turn] = []
        self._lock = threading.Lock()
        self._mine = threading.local()

    @contextmanager
    def place(self, kind: str) -> Iterator[None]:
        """Wait for a place, and hold it meanwhile; what is computed within another computation needs none."""
        expected = self._expected.get(kind, 0.0)
        turn = _Turn(expected) if expected > QUICK and self._turn is None else None
        before, began = self._turn, time.thread_time()
        if turn is not None:
            self._enter(turn)
            self._mine.turn = turn
        try:
            yield
        finally:
            took = time.thread_time() - began
            self._expected[kind] = took if kind not in self._expected else expected + LATEST * (took - expected)
            if turn is not None:
                self._mine.turn = before
                self._leave(turn)

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Leave one's place while waiting for what another computes, who may need it for that."""
        turn = self._turn
        if turn is not None:
            self._leave(turn)
        try:
            yield
        finally:
            if turn is not None:
                self._enter(turn)

    @property
    def _turn(self) -> _Turn | None:
        return getattr(self._mine, "turn", None)

    def _enter(self, turn: _Turn) -> None:
        turn.admitted.clear()
        with self._lock:
            self._waiting.append(turn)
            self._admit()
        turn.admitted.wait()

    def _leave(self, turn: _Turn) -> None:
        with self._lock:
            self._running.remove(turn)
            self._admit()

    def _admit(self) -> None:
        """Under the lock: give free places to those that are due first."""
        for turn in sorted(self._waiting, key=lambda turn: turn.due):
            room = self._places - 1 if turn.long else self._places
            if len(self._running) < self._places and sum(one.long for one in self._running) < room:
                self._waiting.remove(turn)
                self._running.append(turn)
                turn.admitted.set()


def places() -> int:
    """How many computations fit on this machine: cores by threads of one."""
    return (os.cpu_count() or 2) // max(1, torch.get_num_threads())
