"""The server forgets who is gone, in memory and on disk, whether or not anybody trains."""

import os
import sys
import threading
import time
import tomllib
import weakref
from pathlib import Path

import numpy as np
import pytest

from app.state import housekeeping, visitors
from app.state.bounded_store import BoundedStore, shared_store
from app.state.presence import Presence
from app.state.tasks import Lane, TaskPool
from app.state.training_queue import Jobs
from app.state.uploads import Uploads
from core.errors import InputError
from core.images import Picture
from tests.helpers.workers import fake_worker, order

PICTURE = Picture(np.zeros((4, 4, 3), np.uint8), "PNG", 4, 4, ())


@pytest.fixture
def tabs():
    """The sessions that are connected."""
    return {"tab"}


@pytest.fixture
def server(tmp_path, monkeypatch, tabs):
    """A server of its own, whose trainings learn nothing."""
    monkeypatch.setenv("ROBUSTSCOPE_VISITORS", str(tmp_path / "visitors"))
    known, pool = Presence(tabs.__contains__), TaskPool(results=BoundedStore(10**6))
    queue = Jobs(fake_worker(tmp_path), known)
    for name, one in (("presence", known), ("task_pool", pool), ("jobs", queue)):
        monkeypatch.setattr(housekeeping, name, lambda one=one: one)
    yield known, pool, queue
    queue.close()


class Node:
    """Something that refers to itself, so that its memory waits for a collection."""

    def __init__(self) -> None:
        self.me = self


def test_garbage_is_collected_by_the_sweep_instead_of_by_each_run(server):
    """Collections after each of a hundred runs a second would leave a room of phones without an answer."""
    settings = tomllib.loads((Path(housekeeping.__file__).parents[2] / ".streamlit" / "config.toml").read_text())
    assert settings["runner"]["postScriptGC"] is False
    left = weakref.ref(Node())
    housekeeping.sweep()
    assert left() is None


def test_who_is_gone_leaves_no_result_no_upload_and_no_training_in_memory(server, tabs):
    known, pool, queue = server
    uploads = Uploads(shared_store("housekeeping", 10**6))
    for name in ("ann", "bob"):
        known.seen(name, "tab" if name == "bob" else "closed")
    work = pool.start(Lane("ann", "closed", "many"), "key", lambda on_progress, should_stop: ["holiday.png"])
    while work.active:
        time.sleep(0.01)
    digest = uploads.keep(PICTURE, "ann")
    (job,) = queue.submit("ann", [(order(), {})])
    queue.stop(job)
    while queue.busy():
        time.sleep(0.02)
    housekeeping.sweep(after=60)
    assert pool.find(Lane("bob", "tab", "many"), "key") is not None
    pool.forget("bob")  # who looked at it holds it, too
    time.sleep(0.2)
    housekeeping.sweep(after=0.1, pictures_after=0.1)
    assert pool.find(Lane("ann", "closed", "many"), "key") is None and known.known() == ["bob"]
    with pytest.raises(InputError, match="upload it again"):
        uploads.find(digest)
    assert queue._jobs == {} and [one.id for one in queue.of("ann")] == [job.id]  # told again by its folder


def test_a_training_that_still_runs_keeps_its_visitor(server, tabs):
    known, _, queue = server
    known.seen("ann", "tab")
    (job,) = queue.submit("ann", [(order(), {})])
    queue.release("ann")
    assert [one.id for one in queue.of("ann")] == [job.id] and queue.busy() == {"ann"}


def test_folders_are_tidied_from_the_start_though_nobody_trains(server):
    folder = visitors.models("gone")
    folder.mkdir(parents=True)
    long_ago = time.time() - 30 * 24 * 3600
    os.utime(visitors.root() / "gone", (long_ago, long_ago))
    stopped = threading.Event()
    keeper = threading.Thread(target=housekeeping.keep_house, args=(stopped, 0.05), daemon=True)
    keeper.start()
    end = time.monotonic() + 20
    while (visitors.root() / "gone").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    stopped.set()
    keeper.join(20)
    assert not keeper.is_alive()


def test_being_here_on_any_page_is_a_visit(server):
    known, _, _ = server
    visitors.models("ann").mkdir(parents=True)
    long_ago = time.time() - 30 * 24 * 3600
    os.utime(visitors.root() / "ann", (long_ago, long_ago))
    known.seen("ann", "tab")
    housekeeping.tidy()
    assert (visitors.root() / "ann").exists()
    assert time.time() - (visitors.root() / "ann").stat().st_mtime < 60


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be asked")
def test_memory_that_visitors_leave_goes_back_to_the_system(server, tabs, monkeypatch):
    """Arrays too small to have pages of their own stay with the process, under the one that is still in use."""
    known, *_ = server
    store = shared_store("results", 2**30)
    known.seen("ann", "tab")
    for number in range(4000):
        store.put(("memory", number), np.ones(2**13), "ann" if number % 100 else "bob")
    tabs.clear()
    before = resident()
    time.sleep(0.01)
    housekeeping.sweep(after=0.0)
    assert before - resident() > 0.7 * 4000 * 2**16
    store.forget("bob")


def resident() -> int:
    """The bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_is_not_asked_for_where_nothing_was_set_free(server, monkeypatch):
    asked = []
    monkeypatch.setattr(housekeeping, "give_back", lambda: asked.append(1))
    housekeeping.sweep()
    assert not asked
