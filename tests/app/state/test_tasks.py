"""Work beside the page: it is shared once done, can be stopped, and a fault of it is a sentence."""

import threading
import time

from app.state.tasks import TaskPool
from core.errors import InputError
from tests.helpers.waiting import until


def wait(work, state: str) -> None:
    until(lambda: work.state == state, state)


def test_a_result_is_kept_for_everyone_and_made_once():
    works, made = TaskPool(), []

    def call(on_progress, should_stop):
        on_progress(1, 2)
        made.append(1)
        return "result"

    work = works.start("a", "key", call)
    wait(work, "done")
    assert (work.result, work.done, work.of) == ("result", 1, 2)
    assert works.find("b", "key").result == "result" and works.start("b", "key", call).state == "done"
    assert made == [1] and works.find("a", "other") is None


def test_stopping_ends_the_work_at_its_next_step_and_keeps_no_result():
    works, go, begun = TaskPool(), threading.Event(), threading.Event()

    def call(on_progress, should_stop):
        begun.set()
        go.wait(20)
        on_progress(1, 2)
        raise AssertionError("went on")

    work = works.start("a", "key", call)
    begun.wait(20)
    works.stop("b")
    assert work.state == "running"
    works.stop("a")
    go.set()
    wait(work, "stopped")
    time.sleep(0.05)
    assert work.state == "stopped" and works.find("b", "key") is None and works.find("a", "key").state == "stopped"


def test_a_partial_result_of_stopped_work_is_nobodys():
    works, go = TaskPool(), threading.Event()

    def call(on_progress, should_stop):
        go.wait(20)
        return "half" if should_stop() else "whole"

    work = works.start("a", "key", call)
    works.stop("a")
    go.set()
    again = works.start("a", "other", lambda on_progress, should_stop: "other")
    wait(again, "done")
    time.sleep(0.1)
    assert work.state == "stopped" and works.find("a", "key").result is None


def test_a_new_work_stops_the_sessions_earlier_one_and_what_never_began_does_not_begin():
    works, go, ran = TaskPool(at_once=1), threading.Event(), []
    first = works.start("a", 1, lambda on_progress, should_stop: go.wait(20))
    waiting = works.start("b", 2, lambda on_progress, should_stop: ran.append(2))
    assert waiting.state == "waiting"
    last = works.start("b", 3, lambda on_progress, should_stop: ran.append(3) or "three")
    assert waiting.state == "stopped" and first.active
    go.set()
    wait(last, "done")
    assert ran == [3]


def test_work_that_nobody_looks_after_stops_and_what_is_looked_after_goes_on():
    works, ran = TaskPool(at_once=2, unwatched=0.3), []

    def call(on_progress, should_stop):
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            on_progress(1, 2)
            time.sleep(0.02)
        return "whole"

    watched, other = works.start("a", 1, call), works.start("b", 2, call)
    forgotten = works.start("c", 3, lambda on_progress, should_stop: ran.append(3))
    while watched.active:
        watched.look()
        works.find("b", 2)  # as a page does
        time.sleep(0.02)
    wait(other, "done")
    wait(forgotten, "stopped")  # it waited for longer than anyone looked
    assert watched.result == "whole" and ran == []
    left = works.start("a", 4, call)
    wait(left, "stopped")
    assert works.find("b", 4) is None


def test_an_engine_error_is_a_sentence_and_a_bug_is_an_id():
    works = TaskPool()

    def refuse(on_progress, should_stop):
        raise InputError("no gradient here")

    def bug(on_progress, should_stop):
        raise ZeroDivisionError("secret")

    work = works.start("a", 1, refuse)
    wait(work, "failed")
    assert work.sentence == "no gradient here"
    work = works.start("a", 2, bug)
    wait(work, "failed")
    assert "secret" not in work.sentence and "did not foresee" in work.sentence
    assert works.start("a", 1, lambda on_progress, should_stop: "now").state in ("waiting", "running", "done")


def test_results_are_bounded():
    works = TaskPool(kept=2)
    for key in range(4):
        wait(works.start("a", key, lambda on_progress, should_stop: "x"), "done")
    assert works.find("b", 0) is None and works.find("b", 3) is not None
