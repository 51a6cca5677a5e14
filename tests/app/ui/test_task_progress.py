"""The one element for long work: it offers, gives the heartbeat, says the time left, and tells a stop from a fault."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from app.state import presence
from app.state.tasks import BackgroundTask, TaskPool
from app.ui import task_progress
from app.ui.task_progress import LongTask, standing, time_left
from core.errors import InputError
from tests.helpers.long_task import STEPS

OFFER = LongTask("test", "key", lambda: None, "It takes long.", "Begin", ":material/play_arrow:", lambda task: "Step 1")


@pytest.fixture
def pool(monkeypatch):
    made = TaskPool(unwatched=0.6)
    monkeypatch.setattr(task_progress, "task_pool", lambda: made)
    return made


def script():
    import streamlit as st

    from app.ui.task_progress import watch
    from tests.helpers.long_task import offered

    work = watch(offered())
    if work is not None:
        st.write(f"Result: {work.result}")


def visit(**steps: object) -> AppTest:
    STEPS.update({"for": 0.0, "automatic": False, "error": None} | steps)
    return checked(AppTest.from_function(script, default_timeout=60).run())


def checked(at: AppTest) -> AppTest:
    assert not at.exception, [item.value for item in at.exception]
    return at


def keys(at: AppTest) -> list[str]:
    return [one.key for one in at.button]


def until(at: AppTest, holds) -> AppTest:
    end = time.monotonic() + 30
    while not holds(at):
        assert time.monotonic() < end, (keys(at), [one.value for one in at.markdown])
        time.sleep(0.05)
        checked(at.run())
    return at


def result(at: AppTest) -> bool:
    return any(one.value == "Result: made" for one in at.markdown)


@pytest.mark.slow
def test_work_that_is_watched_is_never_stopped_for_want_of_a_heartbeat(pool):
    """It lasts four times as long as work may go unwatched; the page looks again every so often, as a fragment does."""
    at = visit(**{"for": 2.4})
    assert keys(at) == ["test.start"] and any("It takes long." in one.value for one in at.markdown)
    checked(at.button(key="test.start").click().run())
    until(at, lambda at: "test.stop" not in keys(at))
    assert result(at)


def test_the_fragment_alone_gives_the_heartbeat(pool, monkeypatch):
    """A fragment's own run does not pass by the page's script."""
    work = BackgroundTask("running", seen=-1000.0)
    monkeypatch.setattr(presence, "owner", lambda: "ann")
    task_progress._follow(OFFER, work)
    assert time.monotonic() - work.seen < 10


def test_a_stop_is_said_and_can_be_taken_back(pool):
    at = visit(**{"for": 5.0})
    checked(at.button(key="test.start").click().run())
    checked(at.button(key="test.stop").click().run())
    assert keys(at) == ["test.start"] and not at.error
    assert any(one.value.startswith("Stopped. It takes long.") for one in at.markdown)


def test_a_fault_is_its_sentence_beside_the_invitation(pool):
    at = visit(error=InputError("no gradient here"))
    checked(at.button(key="test.start").click().run())
    until(at, lambda at: at.error)
    assert at.error[0].value == "no gradient here" and keys(at) == ["test.start"]


def test_work_that_begins_by_itself_needs_no_press(pool):
    assert result(until(visit(automatic=True), result))


def test_a_full_server_is_a_sentence(pool, monkeypatch):
    from app.state import tasks

    monkeypatch.setattr(tasks, "MOST_WAITING", 0)
    at = visit()
    checked(at.button(key="test.start").click().run())
    assert "Too much work" in at.error[0].value


@pytest.mark.parametrize(
    ("state", "ahead", "said"),
    [
        ("waiting", 0, "Waiting: you are next"),
        ("waiting", 3, "Waiting: 3 before you in line"),
        ("running", 0, "Step 1; time left not known yet"),
    ],
)
def test_where_work_stands_is_in_words(state, ahead, said):
    assert standing(OFFER, BackgroundTask(state), ahead) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "about 1 s left"), (42.4, "about 42 s left"), (100.0, "about 2 min left")]
)
def test_time_is_rounded_as_far_as_it_can_be_known(seconds, said):
    assert time_left(seconds) == said
