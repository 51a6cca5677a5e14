"""One look at the database for all sessions of a server: a room is read again only when its version has changed."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from core.workshop import reading
from core.workshop.database import Database
from core.workshop.state import Room

EVERY = 0.5  # seconds between two looks, however many sessions ask
MOST_ROOMS = 64  # kept at once; the one not asked for longest goes


@dataclass(slots=True)
class _Entry:
    lock: Lock = field(default_factory=Lock)
    room: Room | None = None
    looked: float = float("-inf")


class Hub:
    """The rooms of a server; safe under many threads, which wait for one look together instead of looking each."""

    def __init__(
        self, database: Database, every: float = EVERY, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.database = database
        self._every = every
        self._monotonic = monotonic
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._lock = Lock()

    def room(self, workshop: int) -> Room:
        """The room as it was at most `every` seconds ago.

        Raises:
            InputError: there is no such workshop.
        """
        entry = self._entry(workshop)
        with entry.lock:
            now = self._monotonic()
            if entry.room is not None and now - entry.looked < self._every:
                return entry.room
            entry.looked = now  # before the look: what changes during it is looked at again
            known = {} if entry.room is None else {each.id: each for each in entry.room.rounds}
            if entry.room is None or reading.version(self.database, workshop) != entry.room.workshop.version:
                entry.room = reading.room(self.database, workshop, known)
            return entry.room

    def changed(self, workshop: int) -> None:
        """Look again when next asked: something was changed here, or another server says so."""
        self._entry(workshop).looked = float("-inf")

    def _entry(self, workshop: int) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(workshop, _Entry())
            self._entries.move_to_end(workshop)
            while len(self._entries) > MOST_ROOMS:
                self._entries.popitem(last=False)
            return entry
