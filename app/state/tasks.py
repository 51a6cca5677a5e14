"""Work that takes seconds: it runs beside the page, says how far it is, and can be stopped; results are shared.

A page's script can't be cancelled from within, and holds up its own fragment while it runs; so the work runs in a
thread, and a fragment that refreshes itself looks after it (`app.ui.task_progress`).
"""

import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from threading import Event, Lock
from typing import Any, Literal

import streamlit as st

from app.state.bounded_store import BoundedStore, shared_store
from app.state.device import bounded
from core.errors import CoreError, InputError
from core.progress import OnProgress, ShouldStop

LOG = logging.getLogger("robustscope")
State = Literal["waiting", "running", "done", "stopped", "failed"]
Call = Callable[[OnProgress, ShouldStop], Any]
AT_ONCE = 2
MOST_OWN = 8  # pieces of work of one visitor that run or wait
MOST_WAITING = 64  # on the server
MOST_ENDED = 256  # pieces that failed or were stopped, whose sentences are remembered
RESULT_BYTES = 400_000_000
UNWATCHED = 90.0  # seconds; a browser asks for a hidden tab once a minute


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a piece of work runs: in a lane there is one at a time.

    Attributes:
        owner: the visitor whose work it is; limits and turns are theirs.
        session: the tab that asked for it.
        name: the work's place on its page.
    """

    owner: str
    session: str
    name: str


class _StopError(Exception):
    """Raised through the engine by a progress call once the work is to stop."""


@dataclass(slots=True, eq=False)
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
    _first: tuple[float, int] | None = None  # when it first said how far it was, and how far

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")

    @property
    def left(self) -> float | None:
        """Seconds left, if it goes on as fast as so far; None while that can't be told."""
        if self._first is None or self.done <= self._first[1]:
            return None
        began, before = self._first
        return (time.monotonic() - began) / (self.done - before) * (self.of - self.done)

    def heartbeat(self) -> None:
        """Say that somebody still waits for it: work for a page that was closed stops."""
        self.seen = time.monotonic()

    def tell(self, done: int, of: int) -> None:
        """Note how far it is."""
        if self._first is None or done < self._first[1]:
            self._first = (time.monotonic(), done)
        self.done, self.of = done, of


@dataclass(frozen=True, slots=True)
class _Order:
    """A piece of work in line."""

    task: BackgroundTask
    lane: Lane
    key: Hashable
    call: Call


class TaskPool:
    """The work of all visitors, at most `at_once` pieces running; results are kept for everyone who asks for them.

    Visitors take turns, one piece at a time each, and one alone never takes every place. Work that no page has looked
    after for `unwatched` seconds stops, and gives its place to others'.
    """

    def __init__(
        self, at_once: int = AT_ONCE, results: BoundedStore[Any] | None = None, unwatched: float = UNWATCHED
    ) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="work")
        self._at_once = at_once
        self._unwatched = unwatched
        self._results = BoundedStore(RESULT_BYTES) if results is None else results
        self._tasks: OrderedDict[tuple[Lane, Hashable], BackgroundTask] = OrderedDict()  # all that are not done
        self._waiting: OrderedDict[str, deque[_Order]] = OrderedDict()  # by visitor, whose turn is next first
        self._running: list[_Order] = []
        self._lock = Lock()

    def find(self, lane: Lane, key: Hashable) -> BackgroundTask | None:
        """The work in a lane under this key, or a finished one of anybody's; None where there is none."""
        result = self._results.get(key, lane.owner)
        if result is not None:
            return BackgroundTask("done", result=result[0])
        with self._lock:
            return self._tasks.get((lane, key))

    def start(self, lane: Lane, key: Hashable, call: Call) -> BackgroundTask:
        """Have `call(on_progress, should_stop)` done, unless it is under way or done; the lane's other work stops.

        What another lane has under way under the same key is done for both: it stops once nobody wants it any more.

        Raises:
            InputError: this visitor, or the server, has too much under way.
        """
        found = self.find(lane, key)
        if found is not None and (found.active or found.state == "done"):
            return found
        self.stop(lane)
        with self._lock:
            self._prune()
            under_way = self._under_way(key)
            if under_way is not None:
                self._tasks[lane, key] = under_way
                under_way.heartbeat()
                return under_way
            if sum(task.active for (other, _), task in self._tasks.items() if other.owner == lane.owner) >= MOST_OWN:
                raise InputError(f"At most {MOST_OWN} pieces of your work can run or wait: stop one, or let it finish.")
            if sum(map(len, self._waiting.values())) >= MOST_WAITING:
                raise InputError("Too much work waits on this server: try again a little later.")
            task = self._tasks[lane, key] = BackgroundTask()
            self._waiting.setdefault(lane.owner, deque()).append(_Order(task, lane, key, call))
            self._drop_ended()
            self._serve()
        return task

    def ahead(self, task: BackgroundTask) -> int:
        """How many pieces of work wait and have their turn before this one."""
        with self._lock:
            self._prune()
            turns = [order.task for round_ in zip_longest(*self._waiting.values()) for order in round_ if order]
        return turns.index(task) if task in turns else 0

    def stop(self, lane: Lane) -> None:
        """Stop what is under way in a lane."""
        with self._lock:
            self._leave([name for name in self._tasks if name[0] == lane])

    def forget(self, owner: str) -> None:
        """A visitor is gone: their work stops, and what was theirs alone is dropped."""
        with self._lock:
            own = [name for name in self._tasks if name[0].owner == owner]
            self._leave(own)
            for name in own:
                del self._tasks[name]
        self._results.forget(owner)

    # ------------------------------------------------------------------------------------------- inside, under the lock

    def _under_way(self, key: Hashable) -> BackgroundTask | None:
        """The work of anybody under this key that goes on."""
        found = (task for (_, other), task in self._tasks.items() if other == key)
        return next((task for task in found if task.active and not self._should_stop(task)), None)

    def _leave(self, names: list[tuple[Lane, Hashable]]) -> None:
        """Stop work for some lanes, and altogether where no other wants it."""
        kept = {id(task) for name, task in self._tasks.items() if name not in names}
        for name in names:
            task = self._tasks[name]
            if task.active and id(task) in kept:
                self._tasks[name] = BackgroundTask("stopped")
                continue
            task.halt.set()
            if task.active:
                task.state = "stopped"

    def _drop_ended(self) -> None:
        """Forget the oldest that ended; what is active stays, however old."""
        ended = [name for name, task in self._tasks.items() if not task.active]
        for name in ended[: max(0, len(ended) - MOST_ENDED)]:
            del self._tasks[name]

    def _prune(self) -> None:
        """Take out of the line what was stopped, and what nobody waits for any more."""
        for owner, line in [*self._waiting.items()]:
            for order in line:
                if self._should_stop(order.task):
                    order.task.state = "stopped"
            kept = deque(order for order in line if order.task.active)
            if kept:
                self._waiting[owner] = kept
            else:
                del self._waiting[owner]

    def _serve(self) -> None:
        """Start what has its turn, as long as there is a place."""
        while len(self._running) < self._at_once:
            self._prune()
            order = self._next()
            if order is None:
                return
            self._running.append(order)
            order.task.state = "running"
            self._pool.submit(self._run, order)

    def _next(self) -> _Order | None:
        most = max(1, self._at_once - 1)
        for owner in [*self._waiting]:
            if sum(order.lane.owner == owner and order.task.active for order in self._running) < most:
                order = self._waiting[owner].popleft()
                self._waiting.move_to_end(owner)
                return order
        return None

    # ------------------------------------------------------------------------------------------------- inside, unlocked

    def _should_stop(self, task: BackgroundTask) -> bool:
        if time.monotonic() - task.seen > self._unwatched:
            task.halt.set()  # for good, even if somebody looks again: the engine may have been told by then
        return task.halt.is_set()

    def _run(self, order: _Order) -> None:
        try:
            self._work(order)
        finally:
            with self._lock:
                self._running.remove(order)
                self._serve()

    def _work(self, order: _Order) -> None:
        task = order.task

        def on_progress(done: int, of: int) -> None:
            if self._should_stop(task):
                raise _StopError
            task.tell(done, of)

        try:
            result = bounded(lambda: order.call(on_progress, lambda: self._should_stop(task)))
        except _StopError:
            self._end(order, "stopped")
        except CoreError as error:
            self._end(order, "failed", str(error))
        except Exception:
            fault = secrets.token_hex(4)
            LOG.exception("fault %s", fault)
            sentence = f"Something went wrong here that we did not foresee; see **{fault}** in the server's log."
            self._end(order, "failed", sentence)
        else:
            self._end(order, "done", result=result)

    def _end(self, order: _Order, state: State, sentence: str = "", result: Any = None) -> None:
        """What came of it; whatever an engine does once it was told to stop, the work was stopped.

        A result by then is a partial one, which nobody may take for one, and an error is how the engine gave up.
        """
        task = order.task
        with self._lock:
            if task.halt.is_set():
                task.state = "stopped"
                return
            if state == "done":
                wanted = [name for name, other in self._tasks.items() if other is task]
                self._results.put(order.key, (result,), wanted[0][0].owner)
                for name in wanted:
                    self._results.get(order.key, name[0].owner)
                    del self._tasks[name]
            task.sentence, task.result, task.state = sentence, result, state


@st.cache_resource(show_spinner=False)
def task_pool() -> TaskPool:
    """The work of this server."""
    return TaskPool(results=shared_store("results of tasks", RESULT_BYTES))
