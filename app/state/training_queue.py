"""The queue of trainings: one at a time on a server, each in a process that ends with its visitor's visit."""

import os
import secrets
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import streamlit as st

from app.state import training_folder, visitors
from app.state.presence import Presence, presence
from app.state.training_folder import Files
from app.state.training_job import Job, State
from app.state.training_process import TrainingProcess, how_it_died, worker_command
from core.errors import InputError
from core.training.jobs.messages import Ended, Event, Point, Ready, Step, TrainingRequest

MOST_ACTIVE = 4  # trainings of one visitor that run or wait
MOST_WAITING = 24  # on the server
MOST_LISTED = 8  # trainings of one visitor that are remembered
PAUSE = 60.0  # seconds that a paused training keeps its place while others wait
STOP = 20.0  # seconds that a process gets to stop by itself
TICK = 0.2


def seconds_away(configured: str | None = None, usual: float = 20.0) -> float:
    """Seconds that a visitor may be gone, as during a reload, before their training is stopped: `ROBUSTSCOPE_AWAY`.

    What is no number above 0 is passed over, with a warning.
    """
    text = os.environ.get("ROBUSTSCOPE_AWAY", "") if configured is None else configured
    with suppress(ValueError):
        if 0 < (seconds := float(text or usual)) < float("inf"):
            return seconds
    warnings.warn(f"ROBUSTSCOPE_AWAY must be a number of seconds; it is {text[:30]!r}", RuntimeWarning, stacklevel=2)
    return usual


AWAY = seconds_away()


def folder_of(job: Job) -> Path:
    """Where a training's order, checkpoint and trace lie."""
    return visitors.jobs(job.visitor) / job.id


class Jobs:
    """All trainings of a server; safe under many threads. Every method gives or takes ids of the visitor's own."""

    def __init__(
        self, command: Callable[[Path, Path], list[str]] | None = None, presence: Presence | None = None
    ) -> None:
        """A queue whose processes are started by `command`, the engine's worker where none is given.

        `presence` knows which visitors are here.
        """
        self._command = command or worker_command
        self._presence = presence or Presence()
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._line: list[str] = []  # ids in the order of their turn; the first may be running
        self._process: TrainingProcess | None = None
        self._running: str | None = None
        self._deadline = float("inf")  # when a process that was told to stop is ended
        self._paused_at = 0.0
        self._known: set[str] = set()  # visitors whose earlier trainings were looked for
        self._manager: threading.Thread | None = None

    def of(self, visitor: str) -> list[Job]:
        """A visitor's trainings, oldest first; those of an earlier server life included."""
        with self._lock:
            if visitor not in self._known:
                self._known.add(visitor)
                self._recover(visitor)
            return [job for job in self._jobs.values() if job.visitor == visitor]

    def seen(self, visitor: str, session: str) -> None:
        """Note a session of a visitor; while one is connected their training goes on."""
        self._presence.seen(visitor, session)

    def ahead(self, job: Job) -> int:
        """How many trainings run or wait before this one."""
        with self._lock:
            return self._line.index(job.id) if job.id in self._line else 0

    def busy(self) -> set[str]:
        """Visitors who have trainings that run or wait."""
        with self._lock:
            return {job.visitor for job in self._jobs.values() if job.active}

    def submit(self, visitor: str, orders: Sequence[tuple[TrainingRequest, Files]]) -> list[Job]:
        """Put orders in line, one after the other, each with its teacher's files by suffix; all of them or none.

        Raises:
            ConfigError: a setting of an order is impossible.
            InputError: too many are waiting, there is no room, or a folder can't be written.
        """
        for order, _ in orders:
            order.plan()
        with self._lock:
            mine = self.of(visitor)
            self._check_limits(visitor, len(orders))
            for job in [job for job in mine if not job.active][: max(0, len(mine) + len(orders) - MOST_LISTED)]:
                self.forget(job)
            fresh = [Job(secrets.token_hex(6), visitor, order) for order, _ in orders]
            try:
                for job, (order, files) in zip(fresh, orders, strict=True):
                    training_folder.set_up(folder_of(job), order, files)
            except InputError:
                for job in fresh:
                    shutil.rmtree(folder_of(job), ignore_errors=True)
                raise
            for job in fresh:
                self._jobs[job.id] = job
                self._line.append(job.id)
            self._manage()
            return fresh

    def pause(self, job: Job) -> None:
        """Let a running training stand still, within its epoch; nothing is lost."""
        with self._lock:
            if self._is(job, "running") and self._say("pause"):
                self._paused_at = time.monotonic()
                self._change(job.id, state="paused")

    def go(self, job: Job) -> None:
        """Let a paused training go on, or put a stopped or failed one in line again.

        Raises:
            InputError: as for a new one: too many are waiting, or there is no room.
        """
        with self._lock:
            if self._is(job, "paused") and self._say("go"):
                self._change(job.id, state="running")
            elif self._is(job, "stopped", "failed"):
                self._check_limits(job.visitor, 1)
                self._change(job.id, state="waiting", sentence="", left=None)
                self._line.append(job.id)
                self._manage()

    def stop(self, job: Job, sentence: str = "") -> None:
        """End a training after the step it is in; it can go on later from its last finished epoch."""
        with self._lock:
            if self._is(job, "waiting"):
                self._line.remove(job.id)
                self._change(job.id, state="stopped", sentence=sentence)
            elif self._is(job, "running", "paused"):
                self._change(job.id, state="stopping", sentence=sentence)
                self._deadline = time.monotonic() + STOP
                self._say("stop")

    def forget(self, job: Job) -> None:
        """Drop a training that is not active, with its checkpoint; the network that it made stays."""
        with self._lock:
            if self._is(job, "stopped", "failed", "finished"):
                del self._jobs[job.id]
                shutil.rmtree(folder_of(job), ignore_errors=True)

    def release(self, visitor: str) -> None:
        """Hold nothing in memory of a visitor who is gone and has nothing active; their folder tells it again."""
        with self._lock:
            if visitor not in self.busy():
                self._jobs = {key: job for key, job in self._jobs.items() if job.visitor != visitor}
                self._known.discard(visitor)

    def close(self) -> None:
        """End the running process and forget who waits; for the end of the server, and of tests."""
        with self._lock:
            self._line.clear()
            process = self._process
        if process is not None:
            process.kill()
            process.wait()

    # ------------------------------------------------------------------------------------------- inside, under the lock

    def _is(self, job: Job, *states: State) -> bool:
        return job.id in self._jobs and self._jobs[job.id].state in states

    def _change(self, job_id: str, **fields: object) -> None:
        self._jobs[job_id] = replace(self._jobs[job_id], **fields)  # type: ignore[arg-type]

    def _say(self, word: str) -> bool:
        """Tell the running process a word; whether it could be told."""
        return self._process is not None and self._process.say(word)

    def _check_limits(self, visitor: str, more: int) -> None:
        """Refuse `more` trainings of a visitor, new or gone on with, where there are too many, or no room."""
        active = sum(job.active for job in self.of(visitor))
        if active + more > MOST_ACTIVE:
            raise InputError(f"At most {MOST_ACTIVE} trainings of yours can run or wait: cancel one, or let it finish.")
        if len(self._line) + more > MOST_WAITING:
            raise InputError("Too many trainings wait on this server: come back a little later.")
        visitors.tidy(self.busy() | {visitor})
        visitors.check_room(visitor, active + more)

    def _recover(self, visitor: str) -> None:
        """Find trainings that an earlier life of the server, or of this visitor's visit, left behind."""
        for folder in training_folder.left_behind(visitors.jobs(visitor)):
            if folder.name in self._jobs:
                continue
            with suppress(InputError, OSError):
                order, events = training_folder.read(folder)
                self._jobs[folder.name] = Job(folder.name, visitor, order, "stopped")
                for event in events:
                    self._take(folder.name, event)
                if (visitors.models(visitor) / order.task / f"{order.key}.json").exists():
                    self._change(folder.name, state="finished", at=float(order.epochs))

    def _manage(self) -> None:
        """See to it that somebody runs the line."""
        if self._manager is None or not self._manager.is_alive():
            self._manager = threading.Thread(target=self._run_the_line, name="trainings", daemon=True)
            self._manager.start()

    def _run_the_line(self) -> None:
        while True:
            with self._lock:
                if not self._line:
                    self._manager = None
                    return
                self._tick()
            time.sleep(TICK)

    def _tick(self) -> None:
        now = time.monotonic()
        for job in [self._jobs[job_id] for job_id in self._line]:
            if self._presence.away(job.visitor) > AWAY:
                self.stop(job, "The page was closed, so the training was stopped.")
        current = self._jobs.get(self._running or "")
        if current is None:
            if self._line:
                self._start(self._jobs[self._line[0]])
        elif current.state == "paused" and len(self._line) > 1 and now - self._paused_at > PAUSE:
            self.stop(current, "It was paused while others waited, and made room for them.")
        elif current.state == "stopping" and now > self._deadline and self._process is not None:
            self._process.kill()

    def _start(self, job: Job) -> None:
        try:
            process = TrainingProcess(self._command(folder_of(job), visitors.models(job.visitor)))
        except OSError as error:
            self._line.remove(job.id)
            self._change(job.id, state="failed", sentence=f"The training could not be started: {error.strerror}.")
            return
        self._process, self._running = process, job.id
        self._change(job.id, state="running")
        threading.Thread(target=self._follow, args=(job, process), name="training", daemon=True).start()

    # ------------------------------------------------------------------------------------- inside, one thread a process

    def _follow(self, job: Job, process: TrainingProcess) -> None:
        """Take what a process tells until it ends."""
        end: Ended | None = None
        for event in process.events():
            end = event if isinstance(event, Ended) else end
            with self._lock:
                self._take(job.id, event)
            training_folder.note(folder_of(job), event)
        code = process.wait()
        with self._lock:
            self._end(job, end, code)

    def _take(self, job_id: str, event: Event) -> None:
        job = self._jobs[job_id]
        match event:
            case Ready():  # what came after the last finished epoch is done again
                points = tuple(point for point in job.points if point.at <= event.epochs)
                self._change(job_id, ready=event, points=points, at=float(event.epochs))
            case Point():
                self._change(job_id, points=(*job.points, event), at=max(job.at, event.at))
            case Step():
                self._change(job_id, at=event.at, left=event.left)

    def _end(self, job: Job, end: Ended | None, code: int) -> None:
        """A process is over: why, and whose turn it is now."""
        with suppress(ValueError):
            self._line.remove(job.id)
        self._process, self._running, self._deadline = None, None, float("inf")
        now = self._jobs[job.id]
        if end is not None and end.how == "finished":
            self._change(job.id, state="finished", sentence="", at=float(job.order.epochs), left=0.0)
        elif end is not None and end.how == "failed":
            private = str(visitors.root())
            self._change(job.id, state="failed", sentence=end.sentence.replace(private, "…"), left=None)
        elif end is not None or now.state == "stopping":
            self._change(job.id, state="stopped", left=None)
        else:
            self._change(job.id, state="failed", sentence=how_it_died(code), left=None)


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The queue of this server."""
    return Jobs(presence=presence())
