"""The queue, with a worker that learns nothing: turns, pauses, kills, visitors who leave, and servers that restart."""

import os
import signal
import sys
import time

import pytest

from app.state import training_queue as jobs_module
from app.state import visitors
from app.state.presence import Presence
from app.state.training_job import Job
from app.state.training_process import ROOT
from app.state.training_queue import Jobs
from core.errors import ConfigError, InputError
from core.training.jobs.messages import TrainingRequest
from tests.helpers.waiting import until
from tests.helpers.workers import DEAF, DIE, FAIL, HOLD, POINT, WORKER, fake_worker, order


def test_a_setting_that_is_no_time_is_said_and_passed_over():
    assert jobs_module.seconds_away("90") == 90 and jobs_module.seconds_away("") == 20
    for text in ("soon", "-1", "0", "inf", "nan"):
        with pytest.warns(RuntimeWarning, match="ROBUSTSCOPE_AWAY"):
            assert jobs_module.seconds_away(text) == 20


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_VISITORS", str(tmp_path / "visitors"))
    return tmp_path / "visitors"


@pytest.fixture
def open_tabs():
    """The sessions that are connected."""
    return {"tab"}


@pytest.fixture
def queue(tmp_path, open_tabs):
    made = Jobs(fake_worker(tmp_path), Presence(open_tabs.__contains__))
    yield made
    made.close()


def submit(queue: Jobs, visitor: str = "ann", *behaviours: int) -> list[Job]:
    queue.seen(visitor, "tab")
    return queue.submit(visitor, [(order(behaviour), {}) for behaviour in behaviours or (HOLD,)])


def now(queue: Jobs, job: Job) -> Job:
    return next(one for one in queue.of(job.visitor) if one.id == job.id)


def folder(job: Job):
    return visitors.jobs(job.visitor) / job.id


def reaches(queue: Jobs, job: Job, state: str) -> None:
    until(lambda: now(queue, job).state == state, f"{state}, is {now(queue, job)}")


def running(queue: Jobs, job: Job) -> None:
    until(lambda: now(queue, job).state == "running" and now(queue, job).points, "a running process")


def finish(queue: Jobs, job: Job) -> None:
    (folder(job) / "finish").touch()
    reaches(queue, job, "finished")


@pytest.mark.slow
def test_one_runs_at_a_time_in_the_order_of_asking_and_each_sees_its_place(queue):
    first, second = submit(queue, "ann", HOLD, HOLD)
    (third,) = submit(queue, "bob")
    running(queue, first)
    assert [queue.ahead(job) for job in (first, second, third)] == [0, 1, 2]
    assert {now(queue, job).state for job in (second, third)} == {"waiting"}
    assert not (folder(second) / "pid").exists()
    finish(queue, first)
    running(queue, second)
    assert [queue.ahead(job) for job in (second, third)] == [0, 1]
    finish(queue, second)
    finish(queue, third)
    assert now(queue, third).left == 0 and now(queue, third).at == 2


def test_visitors_see_their_own_only(queue):
    (mine,) = submit(queue, "ann")
    assert queue.of("bob") == [] and [job.id for job in queue.of("ann")] == [mine.id]


def test_what_the_worker_tells_is_kept_and_what_nobody_understands_is_not(queue):
    (job,) = submit(queue)
    running(queue, job)
    held = now(queue, job)
    assert held.ready is not None and [point.at for point in held.points] == [0.5] and held.at == 0.5


def test_pause_and_go_reach_the_process_and_keep_its_place(queue):
    (job,) = submit(queue)
    running(queue, job)
    queue.pause(job)
    until(
        lambda: (folder(job) / "heard").exists() and (folder(job) / "heard").read_text() == "pause", "the word to pause"
    )
    assert now(queue, job).state == "paused"
    queue.go(job)
    until(lambda: (folder(job) / "heard").read_text() == "pause go", "the word to go on")
    assert now(queue, job).state == "running"


def test_a_stopped_training_goes_on_in_the_same_folder(queue):
    (job,) = submit(queue)
    running(queue, job)
    queue.stop(job)
    reaches(queue, job, "stopped")
    queue.go(job)
    running(queue, job)
    assert len(now(queue, job).points) == 1  # the point after the last finished epoch is measured again
    finish(queue, job)


def test_a_waiting_training_can_be_cancelled_without_a_process(queue):
    first, second = submit(queue, "ann", HOLD, HOLD)
    running(queue, first)
    queue.stop(second)
    assert now(queue, second).state == "stopped" and queue.ahead(second) == 0
    queue.go(second)
    assert now(queue, second).state == "waiting" and queue.ahead(second) == 1


def test_a_failure_is_its_sentence_without_the_servers_folders(queue, root):
    (job,) = submit(queue, "ann", FAIL)
    reaches(queue, job, "failed")
    assert now(queue, job).sentence.startswith("No room in …") and str(root) not in now(queue, job).sentence


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_process_that_dies_is_a_sentence_and_can_go_on(queue, how):
    (job,) = submit(queue, "ann", DIE if how == "exit" else HOLD)
    if how == "kill":
        running(queue, job)
        os.kill(int((folder(job) / "pid").read_text()), signal.SIGKILL)
    reaches(queue, job, "failed")
    assert ("exit code 7" if how == "exit" else "SIGKILL") in now(queue, job).sentence
    assert now(queue, job).resumable
    if how == "kill":
        queue.go(job)
        running(queue, job)


def test_the_next_in_line_does_not_wait_for_a_failed_one(queue):
    _, second = submit(queue, "ann", FAIL, HOLD)
    running(queue, second)


def test_a_process_that_will_not_stop_is_ended(queue, monkeypatch):
    monkeypatch.setattr(jobs_module, "STOP", 0.3)
    (job,) = submit(queue, "ann", DEAF)
    running(queue, job)
    queue.stop(job)
    reaches(queue, job, "stopped")


@pytest.mark.slow
def test_a_closed_tab_stops_its_trainings_and_nobody_elses(queue, open_tabs, monkeypatch):
    monkeypatch.setattr(jobs_module, "AWAY", 0.5)
    first, second = submit(queue, "ann", HOLD, HOLD)
    open_tabs.add("other")
    queue.seen("bob", "other")
    (third,) = queue.submit("bob", [(order(), {})])
    running(queue, first)
    open_tabs.remove("tab")
    reaches(queue, first, "stopped")
    reaches(queue, second, "stopped")
    assert "closed" in now(queue, first).sentence
    running(queue, third)
    open_tabs.add("tab")
    queue.seen("ann", "tab")
    queue.go(first)
    reaches(queue, first, "waiting")


@pytest.mark.slow
def test_a_tab_that_comes_back_soon_loses_nothing(queue, open_tabs, monkeypatch):
    monkeypatch.setattr(jobs_module, "AWAY", 2.0)
    (job,) = submit(queue)
    running(queue, job)
    open_tabs.remove("tab")
    time.sleep(0.5)
    open_tabs.add("reloaded")
    queue.seen("ann", "reloaded")
    time.sleep(2)
    assert now(queue, job).state == "running"


@pytest.mark.slow
def test_a_paused_training_makes_room_only_where_others_wait(queue, monkeypatch):
    monkeypatch.setattr(jobs_module, "PAUSE", 0.3)
    (job,) = submit(queue, "ann")
    running(queue, job)
    queue.pause(job)
    time.sleep(1)
    assert now(queue, job).state == "paused"
    (other,) = submit(queue, "bob")
    reaches(queue, job, "stopped")
    assert "others waited" in now(queue, job).sentence
    running(queue, other)


def test_a_new_server_finds_what_the_old_one_left(queue, tmp_path):
    first, second = submit(queue, "ann", HOLD, HOLD)
    running(queue, first)
    with (folder(first) / "trace.jsonl").open("a") as file:
        file.write(POINT[:30])  # the old server was killed while it wrote
    card = visitors.models("ann") / "fashion-mnist" / "own-done.json"
    card.parent.mkdir(parents=True)
    card.write_text("{}")
    done = queue.submit("ann", [(order(name="own-done"), {})])[0]
    later = Jobs().of("ann")
    assert {job.id: job.state for job in later} == {first.id: "stopped", second.id: "stopped", done.id: "finished"}
    found = next(job for job in later if job.id == first.id)
    assert len(found.points) == 1 and found.ready is not None and found.order == order()


@pytest.mark.slow
def test_the_end_of_the_server_ends_the_process(tmp_path):
    """The pipe to the worker closes with whoever holds it, however that one ends."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    server = tmp_path / "server.py"
    server.write_text(
        "import sys, time\nfrom app.state.training_queue import Jobs\n"
        "from core.training.jobs.messages import TrainingRequest\n"
        f"queue = Jobs(lambda folder, out: [sys.executable, {str(script)!r}, str(folder), str(out)])\n"
        "queue.seen('ann', 'tab')\n"
        "job = queue.submit('ann', [(TrainingRequest('fashion-mnist', 'standard', 'own-net', 1000, 2), {})])[0]\n"
        "while not queue.of('ann')[0].points: time.sleep(0.05)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    import subprocess

    done = subprocess.run([sys.executable, str(server)], cwd=ROOT, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    (path,) = visitors.jobs("ann").glob("*/pid")
    until(lambda: not alive(int(path.read_text())), "the worker to end")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in (open(f"/proc/{pid}/stat").read().split(")")[1] if os.path.exists(f"/proc/{pid}/stat") else "Z")


def test_impossible_orders_and_crowds_are_refused_before_anything_is_written(queue, root, monkeypatch):
    queue.seen("ann", "tab")
    with pytest.raises(ConfigError, match="epochs"):
        queue.submit("ann", [(TrainingRequest("fashion-mnist", "standard", "own-net", 1000, 0), {})])
    with pytest.raises(InputError, match="At most 4"):
        queue.submit("ann", [(order(), {})] * 5)
    monkeypatch.setattr(jobs_module, "MOST_WAITING", 1)
    with pytest.raises(InputError, match="Too many"):
        queue.submit("ann", [(order(), {})] * 2)
    assert not root.exists() or not list(root.rglob("*"))


def test_a_folder_that_can_not_be_written_is_a_sentence(queue, root):
    root.write_text("a file where the folder should be")
    with pytest.raises(InputError, match="could not be set up"):
        submit(queue)
    assert queue.of("ann") == []


@pytest.mark.slow
def test_old_trainings_make_room_for_new_ones(queue, monkeypatch):
    monkeypatch.setattr(jobs_module, "MOST_LISTED", 2)
    made = []
    for _ in range(3):
        made += submit(queue, "ann", FAIL)
        reaches(queue, made[-1], "failed")
    assert [job.id for job in queue.of("ann")] == [job.id for job in made[1:]]
    assert not folder(made[0]).exists() and folder(made[1]).exists()


def test_going_on_is_limited_as_beginning_is(queue, monkeypatch):
    """A stopped training put in line again would pass the limits that a new one is held to."""
    jobs = submit(queue, "ann", HOLD, HOLD, HOLD, HOLD)
    running(queue, jobs[0])
    for job in jobs[1:]:
        queue.stop(job)
    fresh = submit(queue, "ann", HOLD, HOLD, HOLD)
    with pytest.raises(InputError, match="At most 4"):
        queue.go(jobs[1])
    assert now(queue, jobs[1]).state == "stopped"
    queue.stop(fresh[0])
    monkeypatch.setattr(jobs_module, "MOST_WAITING", 3)
    with pytest.raises(InputError, match="Too many"):
        queue.go(jobs[1])
    monkeypatch.setattr(jobs_module, "MOST_WAITING", 24)
    monkeypatch.setattr(visitors, "MOST_MODELS", 3)
    with pytest.raises(InputError, match="remove one"):
        queue.go(jobs[1])
    monkeypatch.setattr(visitors, "MOST_MODELS", 12)
    queue.go(jobs[1])
    assert now(queue, jobs[1]).state == "waiting"


def test_where_one_of_a_pair_can_not_be_kept_neither_is(queue, root, monkeypatch):
    queue.seen("ann", "tab")
    with pytest.raises(InputError, match="could not be set up"):
        queue.submit("ann", [(order(), {}), (order(), {"/no/such/folder": b"x"})])
    assert queue.of("ann") == [] and not list(root.glob("ann/jobs/*"))


def test_a_visitor_who_is_gone_is_not_held_in_memory_and_their_folder_tells_it_again(queue):
    (job,) = submit(queue, "ann")
    running(queue, job)
    queue.release("ann")
    assert now(queue, job).state == "running"  # not while it runs
    queue.stop(job)
    reaches(queue, job, "stopped")
    queue.release("ann")
    assert queue._jobs == {}
    assert [(one.id, len(one.points)) for one in queue.of("ann")] == [(job.id, 1)]
