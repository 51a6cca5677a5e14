"""Work beside the page: shared once done, stopped for good, limits and turns a visitor, and faults as sentences."""

import threading
import time

import numpy as np
import pytest

from app.state import tasks as tasks_module
from app.state.bounded_store import BoundedStore
from app.state.tasks import Lane, TaskPool
from core.errors import InputError
from core.progress import StoppedError
from tests.helpers.waiting import until


def wait(work, state: str) -> None:
    until(lambda: work.state == state, state)


def lane(owner: str, name: str = "work") -> Lane:
    return Lane(owner, f"{owner}'s tab", name)


class Gates:
    """Work that waits until it is let go, and notes in which order it began."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.open = threading.Event()

    def call(self, name: str):
        def run(on_progress, should_stop):
            self.order.append(name)
            self.open.wait(20)
            return name

        return run

    def begun(self, *names: str) -> None:
        end = time.monotonic() + 20
        while {*self.order} != {*names}:
            assert time.monotonic() < end, self.order
            time.sleep(0.01)


@pytest.fixture
def gates():
    made = Gates()
    yield made
    made.open.set()


def test_a_result_is_kept_for_everyone_and_made_once():
    pool, made = TaskPool(), []

    def call(on_progress, should_stop):
        on_progress(1, 2)
        made.append(1)
        return "result"

    work = pool.start(lane("a"), "key", call)
    wait(work, "done")
    assert (work.result, work.done, work.of) == ("result", 1, 2)
    assert pool.find(lane("b"), "key").result == "result" and pool.start(lane("b"), "key", call).state == "done"
    assert made == [1] and pool.find(lane("a"), "other") is None


def test_stopping_ends_the_work_at_its_next_step_and_keeps_no_result():
    pool, go, begun = TaskPool(), threading.Event(), threading.Event()

    def call(on_progress, should_stop):
        begun.set()
        go.wait(20)
        on_progress(1, 2)
        raise AssertionError("went on")

    work = pool.start(lane("a"), "key", call)
    begun.wait(20)
    pool.stop(lane("b"))
    assert work.state == "running"
    pool.stop(lane("a"))
    go.set()
    wait(work, "stopped")
    time.sleep(0.05)
    assert work.state == "stopped" and pool.find(lane("b"), "key") is None
    assert pool.find(lane("a"), "key").state == "stopped"


@pytest.mark.parametrize("how", ["partial result", "engine stopped", "engine failed", "bug"])
def test_a_stop_is_a_stop_whatever_the_engine_makes_of_it(how):
    pool, go, ended = TaskPool(), threading.Event(), threading.Event()

    def call(on_progress, should_stop):
        go.wait(20)
        assert should_stop()
        ended.set()
        match how:
            case "engine stopped":
                raise StoppedError("stopped before the map was complete")
            case "engine failed":
                raise InputError("only half of it is there")
            case "bug":
                raise ZeroDivisionError
        return "half"

    work = pool.start(lane("a"), "key", call)
    pool.stop(lane("a"))
    go.set()
    ended.wait(20)
    time.sleep(0.1)
    assert (work.state, work.sentence, pool.find(lane("a"), "key").result) == ("stopped", "", None)


def test_a_new_work_stops_the_lanes_earlier_one_and_what_never_began_does_not_begin(gates):
    pool = TaskPool(at_once=1)
    first = pool.start(lane("a"), 1, gates.call("one"))
    waiting = pool.start(lane("b"), 2, gates.call("two"))
    assert waiting.state == "waiting"
    last = pool.start(lane("b"), 3, gates.call("three"))
    assert waiting.state == "stopped" and first.active
    gates.open.set()
    wait(last, "done")
    assert gates.order == ["one", "three"]


@pytest.mark.slow
def test_work_that_nobody_looks_after_stops_and_what_is_looked_after_goes_on():
    pool, ran = TaskPool(at_once=3, unwatched=0.3), []

    def call(on_progress, should_stop):
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            on_progress(1, 2)
            time.sleep(0.02)
        return "whole"

    watched, left = pool.start(lane("a"), 1, call), pool.start(lane("b"), 2, call)
    pool.start(lane("d"), 4, call)
    waiting = pool.start(lane("c"), 3, lambda on_progress, should_stop: ran.append(3))
    waiting.seen = left.seen  # nobody looks after both for equally long, however slowly this test came here
    while watched.active:
        watched.heartbeat()
        pool.find(lane("b"), 2)  # being there is not being watched: the element gives the heartbeat
        time.sleep(0.02)
    wait(left, "stopped")
    wait(waiting, "stopped")  # it waited for longer than anyone looked
    assert watched.result == "whole" and ran == []
    assert pool.find(lane("b"), 2).state == "stopped"


def test_visitors_take_turns_and_each_sees_what_waits_before_them(gates):
    """Five of one visitor, then one of each of two others: round robin, not first come, first served."""
    pool = TaskPool(at_once=1)
    mine = [pool.start(lane("ann", str(number)), number, gates.call(f"ann {number}")) for number in range(5)]
    bob = pool.start(lane("bob"), "bob", gates.call("bob"))
    cat = pool.start(lane("cat"), "cat", gates.call("cat"))
    assert mine[0].state == "running" and [pool.ahead(work) for work in (mine[1], bob, cat)] == [0, 1, 2]
    assert [pool.ahead(work) for work in mine[2:]] == [3, 4, 5] and pool.ahead(mine[0]) == 0
    gates.open.set()
    for work in (*mine, bob, cat):
        wait(work, "done")
    assert gates.order == ["ann 0", "ann 1", "bob", "cat", "ann 2", "ann 3", "ann 4"]


def test_one_visitor_never_takes_every_place(gates):
    pool = TaskPool(at_once=2)
    first, second = (pool.start(lane("ann", str(number)), number, gates.call(f"ann {number}")) for number in range(2))
    other = pool.start(lane("bob"), "bob", gates.call("bob"))
    assert (first.state, second.state, other.state) == ("running", "waiting", "running")


def test_limits_are_a_visitors_and_the_servers(gates, monkeypatch):
    monkeypatch.setattr(tasks_module, "MOST_OWN", 3)
    monkeypatch.setattr(tasks_module, "MOST_WAITING", 4)
    pool = TaskPool(at_once=1)
    for number in range(3):
        pool.start(lane("ann", str(number)), number, gates.call("ann"))
    with pytest.raises(InputError, match="At most 3"):
        pool.start(lane("ann", "more"), "more", gates.call("ann"))
    pool.start(lane("bob"), "bob", gates.call("bob"))
    pool.start(lane("cat"), "cat", gates.call("cat"))
    with pytest.raises(InputError, match="Too much work"):
        pool.start(lane("dan"), "dan", gates.call("dan"))
    pool.stop(lane("bob"))
    assert pool.start(lane("dan"), "dan", gates.call("dan")).state == "waiting"


def test_what_ended_is_dropped_first_and_never_what_runs(gates, monkeypatch):
    monkeypatch.setattr(tasks_module, "MOST_ENDED", 2)
    pool = TaskPool(at_once=2)
    running = pool.start(lane("ann"), "long", gates.call("ann"))

    def fail(on_progress, should_stop):
        raise InputError("no")

    for number in range(6):
        wait(pool.start(lane("bob", str(number)), number, fail), "failed")
    assert running.state == "running" and pool.find(lane("ann"), "long") is running
    assert [pool.find(lane("bob", str(number)), number) is not None for number in range(6)] == [False] * 3 + [True] * 3


def test_an_engine_error_is_a_sentence_and_a_bug_is_an_id():
    pool = TaskPool()

    def refuse(on_progress, should_stop):
        raise InputError("no gradient here")

    def bug(on_progress, should_stop):
        raise ZeroDivisionError("secret")

    work = pool.start(lane("a"), 1, refuse)
    wait(work, "failed")
    assert work.sentence == "no gradient here"
    work = pool.start(lane("a"), 2, bug)
    wait(work, "failed")
    assert "secret" not in work.sentence and "did not foresee" in work.sentence
    assert pool.start(lane("a"), 1, lambda on_progress, should_stop: "now").state in ("waiting", "running", "done")


def test_results_are_bounded_in_bytes():
    pool = TaskPool(results=BoundedStore(3_000_000))
    for key in range(4):
        wait(pool.start(lane("a"), key, lambda on_progress, should_stop: np.zeros(1_000_000, np.uint8)), "done")
    assert [pool.find(lane("b"), key) is not None for key in range(4)] == [False, False, True, True]


def test_a_visitor_who_is_gone_leaves_nothing(gates):
    pool = TaskPool(at_once=2)
    wait(pool.start(lane("ann", "pictures"), "pictures", lambda on_progress, should_stop: ["holiday.png"]), "done")
    shared = pool.start(lane("ann", "shared"), "shared", lambda on_progress, should_stop: "all see it")
    wait(shared, "done")
    assert pool.find(lane("bob"), "shared").state == "done"
    running = pool.start(lane("ann"), "long", gates.call("ann"))
    pool.forget("ann")
    assert running.state == "stopped" and pool.find(lane("ann"), "long") is None
    assert pool.find(lane("bob"), "pictures") is None and pool.find(lane("bob"), "shared").result == "all see it"


def test_what_several_ask_for_is_done_once_and_stops_with_the_last_who_wants_it(gates):
    """Equal work of three visitors runs once, whoever leaves; what the last one leaves stops."""
    pool = TaskPool(at_once=3)
    ann, bob, cat = (pool.start(lane(name), "same", gates.call("same")) for name in ("ann", "bob", "cat"))
    assert ann is bob is cat
    gates.begun("same")
    pool.stop(lane("ann"))
    pool.forget("cat")
    assert bob.state == "running" and pool.find(lane("ann"), "same").state == "stopped"
    assert pool.find(lane("cat"), "same") is None
    gates.open.set()
    wait(bob, "done")
    assert gates.order == ["same"] and [pool.find(lane(name), "same").result for name in ("bob", "dan")] == ["same"] * 2
    gates.open.clear()
    left = [pool.start(lane(name), "other", gates.call("other")) for name in ("ann", "bob")]
    pool.stop(lane("ann"))
    pool.stop(lane("bob"))
    assert left[0].state == "stopped" and left[0].halt.is_set()


def test_the_time_left_follows_from_progress(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(tasks_module.time, "monotonic", lambda: now[0])
    work = tasks_module.BackgroundTask("running")
    assert work.left is None
    work.tell(40, 100)  # the first forty were there already
    assert work.left is None
    now[0] = 110.0
    work.tell(60, 100)
    assert work.left == pytest.approx(20.0)
