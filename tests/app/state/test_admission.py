"""Places for computations: quick ones never wait, long ones leave a place, and waiting for another locks nothing up."""

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from app.state import admission
from app.state.admission import LONG, Admission
from tests.helpers.waiting import until


class Kinds:
    """Computations of known lengths that wait until they are let go, and note in which order they began."""

    def __init__(self, places: int, **seconds: float) -> None:
        self.admission, self.began, self.open = Admission(places), [], threading.Event()
        self.admission._expected.update(seconds)

    def start(self, kind: str) -> None:
        threading.Thread(target=self._run, args=(kind,), daemon=True).start()

    def _run(self, kind: str) -> None:
        with self.admission.place(kind):
            self.began.append(kind)
            self.open.wait(20)

    def waiting(self, count: int) -> None:
        until(lambda: len(self.admission._waiting) == count, f"{count} to wait")


@contextmanager
def kinds(places: int, **seconds: float):
    made = Kinds(places, **seconds)
    yield made
    made.open.set()


def test_long_ones_leave_a_place_and_quick_ones_never_wait():
    with kinds(2, attack=2.0, map=0.1, picture=0.001) as here:
        here.start("attack")
        until(lambda: here.began == ["attack"], "the first")
        here.start("attack")
        here.waiting(1)
        here.start("map")
        here.start("picture")
        here.start("new")
        until(lambda: sorted(here.began) == ["attack", "map", "new", "picture"], "all but the second attack")


def test_who_waits_goes_by_length_and_nobody_waits_for_ever(monkeypatch):
    """A short one goes before a long one that came just before it, and after one that came long before."""
    clock = {"now": 0.0}
    monkeypatch.setattr(admission, "time", SimpleNamespace(monotonic=lambda: clock["now"]))
    turns = {}
    for name, at, length in (("old", 0.0, 1.0), ("long", 9.0, 1.0), ("short", 10.0, 0.1)):
        clock["now"] = at
        turns[name] = admission._Turn(length)
    assert sorted(turns, key=lambda name: turns[name].due) == ["old", "short", "long"]


def test_within_another_computation_none_is_needed_and_a_place_is_left_while_waiting_for_one():
    with kinds(2, outer=LONG / 2, other=LONG / 2) as here:
        here.start("other")
        until(lambda: here.began == ["other"], "the other")
        with here.admission.place("outer"):
            with here.admission.place("outer"):
                assert len(here.admission._running) == 2
            here.start("other")
            here.waiting(1)
            with here.admission.given_up():
                until(lambda: here.began == ["other", "other"], "the one that waited")
                here.open.set()
        until(lambda: not (here.admission._running or here.admission._waiting), "all places to be left")


def test_how_long_a_kind_takes_is_learned_and_errors_leave_the_place():
    here = Admission(2)

    def fail():
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"), here.place("kind"):
            fail()
    assert 0.03 <= here._expected["kind"] < 0.3 and not here._running
