"""Work that takes seconds: it runs beside the page, says how far it is, and can be stopped; results are shared.

A page's script can't be cancelled from within, and holds up its own fragment while it runs; so the work runs in a
thread, and a fragment that refreshes itself looks after it.
"""

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Literal

import streamlit as st

from core.errors import CoreError

LOG = logging.getLogger("robustscope")
State = Literal["waiting", "running", "done", "stopped", "failed"]
OnProgress = Callable[[int, int], None]
Call = Callable[[OnProgress, Callable[[], bool]], Any]
AT_ONCE = 2
KEPT = 128
UNWATCHED = 90.0  # seconds; a browser asks for a hidden tab once a minute


class _StopError(Exception):
    """Raised through the engine by a progress call once the work is to stop."""


@dataclass(slots=True)
class BackgroundTask:
    """One piece of work of one session.

    Attributes:
        state: where it stands.
        done: steps done.
        of: of how many; 0 until known.
        result: what came out, once done.
        sentence: why it failed, for people.
        seen: when a page last looked after it, by the monotonic clock.
    """

    state: State = "waiting"
    done: int = 0
    of: int = 0
    result: Any = None
    sentence: str = ""
    halt: Event = field(default_factory=Event)
    seen: float = field(default_factory=time.monotonic)

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")

    def look(self) -> None:
        """Say that somebody still waits for it: work for a page that was closed stops."""
        self.seen = time.monotonic()


class TaskPool:
    """The works of all sessions, at most `at_once` running; the results used last are kept for everyone.

    Work that no page has looked after for `unwatched` seconds stops, and gives its place to others'.
    """

    def __init__(self, at_once: int = AT_ONCE, kept: int = KEPT, unwatched: float = UNWATCHED) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="work")
        self._kept = kept
        self._unwatched = unwatched
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        self._works: OrderedDict[tuple[str, Hashable], BackgroundTask] = OrderedDict()
        self._lock = Lock()

    def find(self, session: str, key: Hashable) -> BackgroundTask | None:
        """The work of a session under this key, or a finished one of anybody's; None where there is none."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return BackgroundTask("done", result=self._results[key])
            own = self._works.get((session, key))
        if own is not None:
            own.look()
        return own

    def start(self, session: str, key: Hashable, call: Call) -> BackgroundTask:
        """Have `call(on_progress, should_stop)` done, unless it is under way or done; the session's others stop."""
        found = self.find(session, key)
        if found is not None and (found.active or found.state == "done"):
            return found
        self.stop(session)
        work = BackgroundTask()
        with self._lock:
            self._works[session, key] = work
            while len(self._works) > self._kept:
                self._works.popitem(last=False)[1].halt.set()
        self._pool.submit(self._run, work, key, call)
        return work

    def stop(self, session: str) -> None:
        """Stop what a session has under way."""
        with self._lock:
            own = [work for (owner, _), work in self._works.items() if owner == session]
        for work in own:
            work.halt.set()
            if work.active:
                work.state = "stopped"

    def _run(self, work: BackgroundTask, key: Hashable, call: Call) -> None:
        def should_stop() -> bool:
            if time.monotonic() - work.seen > self._unwatched:
                work.halt.set()  # for good, even if somebody looks again: the engine may have been told by then
            return work.halt.is_set()

        def on_progress(done: int, of: int) -> None:
            if should_stop():
                raise _StopError
            work.done, work.of = done, of

        if should_stop():
            work.state = "stopped"
            return
        work.state = "running"
        try:
            result = call(on_progress, should_stop)
        except _StopError:
            work.state = "stopped"
        except CoreError as error:
            work.state, work.sentence = "failed", str(error)
        except Exception:
            fault = secrets.token_hex(4)
            LOG.exception("fault %s", fault)
            work.sentence = f"Something went wrong here that we did not foresee; see **{fault}** in the server's log."
            work.state = "failed"
        else:
            if work.halt.is_set():  # an engine that stopped early gives a partial result, which nobody may take for one
                work.state = "stopped"
                return
            with self._lock:
                self._results[key] = result
                while len(self._results) > self._kept:
                    self._results.popitem(last=False)
            work.result, work.state = result, "done"


@st.cache_resource(show_spinner=False)
def task_pool() -> TaskPool:
    """The works of this server."""
    return TaskPool()
