"""PostgreSQL tells its servers what changed, so that they need not look: a thread that listens, and comes back."""

from collections.abc import Callable
from threading import Event, Thread

from psycopg import Error as DriverError
from sqlalchemy.exc import SQLAlchemyError

from core.workshop.database import Database

PAUSE = 2.0  # seconds before a lost connection is tried again; until then the looks at the database are what is left

WAIT = 1.0  # seconds between two questions whether to stop


def listen(database: Database, changed: Callable[[int], None], stopped: Event) -> Thread:
    """A thread that calls `changed` with each workshop that any server of the database changed, until `stopped`."""

    def work() -> None:
        while not stopped.is_set():
            try:
                with database.listening() as notices:
                    while not stopped.is_set():
                        for payload in notices(WAIT):
                            changed(int(payload))
            except (SQLAlchemyError, DriverError, OSError):
                stopped.wait(PAUSE)

    thread = Thread(target=work, name="workshop-notices", daemon=True)
    thread.start()
    return thread
