"""The queue of trainings: one at a time on a server, each in a process that ends with its visitor's visit."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.state import visitors
from app.state.training_job import Job, State
from core.errors import InputError
from core.training.jobs.messages import Ended, Event, Point, Ready, Step, TrainingRequest, decode, encode, read_request

ROOT = Path(__file__).resolve().parents[2]

MOST_ACTIVE = 4  # trainings of one visitor that run or wait
MOST_WAITING = 24  # on the server
MOST_LISTED = 8  # trainings of one visitor that are remembered
AWAY = 20.0  # seconds that a visitor may be gone, as during a reload, before their training is stopped
PAUSE = 60.0  # seconds that a paused training keeps its place while others wait
STOP = 20.0  # seconds that a process gets to stop by itself
TICK = 0.2

Files = Mapping[str, bytes]


def worker_command(folder: Path, out: Path) -> list[str]:
    """What starts the process that trains the order in `folder`."""
    return [sys.executable, "-m", "core.training.jobs.worker", str(folder), str(out)]


class Jobs:
    """All trainings of a server; safe under many threads. Every method gives or takes ids of the visitor's own."""

    def __init__(
        self,
        command: Callable[[Path, Path], list[str]] | None = None,
        connected: Callable[[str], bool] = lambda session: True,
    ) -> None:
        """A queue whose processes are started by `command`, the engine's worker where none is given.

        `connected` says of a session whether its tab is open.
        """
        self._command = command or worker_command
        self._connected = connected
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._line: list[str] = []  # ids in the order of their turn; the first may be running
        self._process: subprocess.Popen[str] | None = None
        self._running: str | None = None
        self._deadline = float("inf")  # when a process that was told to stop is ended
        self._paused_at = 0.0
        self._sessions: dict[str, dict[str, float]] = {}  # of a visitor, with the time they were last known
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
        now = time.monotonic()
        with self._lock:
            others = {name: last for name, last in self._sessions.get(visitor, {}).items() if now - last < 2 * AWAY}
            self._sessions[visitor] = others | {session: now}

    def ahead(self, job: Job) -> int:
        """How many trainings run or wait before this one."""
        with self._lock:
            return self._line.index(job.id) if job.id in self._line else 0

    def submit(self, visitor: str, orders: Sequence[tuple[TrainingRequest, Files]]) -> list[Job]:
        """Put orders in line, one after the other, each with its teacher's files by suffix.

        Raises:
            ConfigError: a setting of an order is impossible.
            InputError: too many are waiting, or the folder can't be written.
        """
        for order, _ in orders:
            order.plan()
        with self._lock:
            mine = self.of(visitor)
            if sum(job.active for job in mine) + len(orders) > MOST_ACTIVE:
                raise InputError(
                    f"At most {MOST_ACTIVE} trainings of yours can run or wait: cancel one, or let it finish."
                )
            if len(self._line) + len(orders) > MOST_WAITING:
                raise InputError("Too many trainings wait on this server: come back a little later.")
            for job in [job for job in mine if not job.active][: max(0, len(mine) + len(orders) - MOST_LISTED)]:
                self.forget(job)
            visitors.tidy({job.visitor for job in self._jobs.values() if job.active} | {visitor})
            fresh = [self._keep(Job(secrets.token_hex(6), visitor, order), files) for order, files in orders]
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
        """Let a paused training go on, or put a stopped or failed one in line again."""
        with self._lock:
            if self._is(job, "paused") and self._say("go"):
                self._change(job.id, state="running")
            elif self._is(job, "stopped", "failed"):
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
                shutil.rmtree(self._folder(job), ignore_errors=True)

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

    def _folder(self, job: Job) -> Path:
        return visitors.jobs(job.visitor) / job.id

    def _keep(self, job: Job, files: Files) -> Job:
        """Write a job's folder."""
        folder = self._folder(job)
        try:
            folder.mkdir(parents=True)
            (folder / "order.json").write_text(job.order.to_json())
            for suffix, data in files.items():
                (folder / f"teacher{suffix}").write_bytes(data)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise InputError(f"The training could not be set up on this server: {error.strerror or error}") from error
        return job

    def _recover(self, visitor: str) -> None:
        """Find trainings that an earlier life of the server left behind."""
        paths = list(visitors.jobs(visitor).glob("*/order.json"))
        for path in sorted(paths, key=lambda path: path.stat().st_mtime):
            if path.parent.name in self._jobs:
                continue
            with suppress(InputError, OSError):
                order = read_request(path.read_text())
                self._jobs[path.parent.name] = Job(path.parent.name, visitor, order, "stopped")
                trace = path.with_name("trace.jsonl")
                for line in trace.read_text().splitlines() if trace.exists() else ():
                    with suppress(InputError):  # the last line may be cut off
                        self._take(path.parent.name, decode(line))
                if (visitors.models(visitor) / order.task / f"{order.key}.json").exists():
                    self._change(path.parent.name, state="finished", at=float(order.epochs))

    def _say(self, word: str) -> bool:
        """Tell the running process a word; whether it could be told."""
        try:
            assert self._process is not None and self._process.stdin is not None
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

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
            if self._away(job.visitor, now):
                self.stop(job, "The page was closed, so the training was stopped.")
        current = self._jobs.get(self._running or "")
        if current is None:
            if self._line:
                self._start(self._jobs[self._line[0]])
        elif current.state == "paused" and len(self._line) > 1 and now - self._paused_at > PAUSE:
            self.stop(current, "It was paused while others waited, and made room for them.")
        elif current.state == "stopping" and now > self._deadline and self._process is not None:
            self._process.kill()

    def _away(self, visitor: str, now: float) -> bool:
        """Whether no session of a visitor has been connected for a while."""
        sessions = self._sessions.setdefault(visitor, {"": now})  # one who was never seen gets the same while
        for session in sessions:
            if session and self._connected(session):
                sessions[session] = now
        return now - max(sessions.values()) > AWAY

    def _start(self, job: Job) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                self._command(self._folder(job), visitors.models(job.visitor)),
                cwd=ROOT,
                env=environment,
                stdin=pipe,
                stdout=pipe,
                text=True,
            )
        except OSError as error:
            self._line.remove(job.id)
            self._change(job.id, state="failed", sentence=f"The training could not be started: {error.strerror}.")
            return
        self._process, self._running = process, job.id
        self._change(job.id, state="running")
        threading.Thread(target=self._follow, args=(job, process), name="training", daemon=True).start()

    # ------------------------------------------------------------------------------------- inside, one thread a process

    def _follow(self, job: Job, process: "subprocess.Popen[str]") -> None:
        """Take what a process tells until it ends."""
        end: Ended | None = None
        assert process.stdout is not None
        for line in process.stdout:
            with suppress(InputError):
                event = decode(line)
                end = event if isinstance(event, Ended) else end
                with self._lock:
                    self._take(job.id, event)
                self._write(job, event)
        code = process.wait()
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        with self._lock:
            self._end(job, end, code)

    def _write(self, job: Job, event: Event) -> None:
        """Keep what a returning visitor will want to see; a full disk is the worker's to report."""
        if isinstance(event, Ready | Point):
            with suppress(OSError), (self._folder(job) / "trace.jsonl").open("a") as file:
                file.write(encode(event) + "\n")

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
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            sentence = f"The training's process ended unexpectedly, {how}; that happens when memory runs out."
            self._change(job.id, state="failed", sentence=sentence, left=None)


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """The queue of this server."""
    return Jobs(connected=_connected)


def _connected(session: str) -> bool:
    """Whether a browser tab is open on a session; always so where there is no server, as in a test."""
    return not runtime.exists() or bool(runtime.get_instance().is_active_session(session))


def session_id() -> str:
    """The name of the session that runs now; empty outside of one."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""
