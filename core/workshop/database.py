"""The database of workshops: SQLite in the user's data folder, or PostgreSQL by a URL; brought up to date at start."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from alembic import command
from alembic.config import Config
from platformdirs import user_data_path
from sqlalchemy import Connection, Insert, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from core.errors import ConfigError, InputError
from core.workshop.schema import Base

CHANNEL = "robustscope_workshops"
VARIABLE = "ROBUSTSCOPE_DATABASE"
MIGRATIONS = Path(__file__).with_name("migrations")
WAIT = 30  # seconds that a writer waits for another
_LOCK = 20_260_711  # of PostgreSQL, for servers that start at the same time
_MIGRATING = Lock()  # Alembic keeps what it works on in one place a process


def database_url() -> str:
    """Where workshops are kept: `ROBUSTSCOPE_DATABASE`, or a file in the user's data folder."""
    return os.environ.get(VARIABLE) or f"sqlite:///{user_data_path('robustscope') / 'workshops.db'}"


class Database:
    """An open database, safe under many threads; its tables are those of this version."""

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Open it, and bring its tables up to date; of several servers that start at once, one does so.

        Raises:
            ConfigError: the URL is none, or names another kind of database.
            InputError: it can't be reached or written.
        """
        address = _address(url)
        self.kind = address.get_backend_name()
        try:
            if self.kind == "sqlite" and address.database:
                Path(address.database).parent.mkdir(parents=True, exist_ok=True)
            # A database of no encoding, as a machine without a locale makes it, would give bytes for text.
            options = {} if self.kind == "sqlite" else {"client_encoding": "utf8"}
            self._engine = create_engine(
                address, pool_size=8, max_overflow=8, pool_pre_ping=self.kind != "sqlite", connect_args=options
            )
            if self.kind == "sqlite":
                _prepare_sqlite(self._engine)
            self._migrate()
            self._monotonic, self._start = monotonic, monotonic()
            self._epoch = self._time()
        except (SQLAlchemyError, OSError) as error:
            raise InputError(f"the database of workshops can't be opened: {_reason(error)}") from error

    def now(self) -> float:
        """Seconds since 1970, as the database's clock had them when this server started, and counted on from then.

        A clock that is set while the server runs changes nothing; servers of one PostgreSQL agree, whatever their own
        clocks say.
        """
        return self._epoch + self._monotonic() - self._start

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: all of the block is stored, or nothing."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, and waits for no writer."""
        with self._engine.connect().execution_options(reads_only=True) as connection:
            yield connection

    def insert(self, table: type[Base], values: dict[str, Any]) -> "Insert":
        """An insertion that does nothing where the row is there already."""
        return self._insert(table).values(values).on_conflict_do_nothing()

    def count(self, table: type[Base], values: dict[str, Any]) -> "Insert":
        """Add one to the column `count` of the row with these values as its key; the row is made where it is new."""
        statement = self._insert(table).values(values | {"count": 1})
        return statement.on_conflict_do_update(index_elements=[*values], set_={"count": table.__table__.c.count + 1})

    def _insert(self, table: type[Base]) -> "sqlite.Insert | postgresql.Insert":
        return sqlite.insert(table) if self.kind == "sqlite" else postgresql.insert(table)

    def notify(self, connection: Connection, workshop: int) -> None:
        """Tell the other servers of a PostgreSQL, once the transaction is stored, that a workshop changed."""
        if self.kind != "sqlite":
            connection.execute(
                text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": str(workshop)}
            )

    @contextmanager
    def listening(self) -> Iterator[Callable[[float], list[str]]]:
        """Of a PostgreSQL: a call that waits up to so many seconds, and gives the workshops that `notify` named."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"LISTEN {CHANNEL}"))
            driver: Any = connection.connection.driver_connection
            try:
                yield lambda seconds: [each.payload for each in driver.notifies(timeout=seconds, stop_after=1)]
            finally:
                connection.detach()  # it listens, so that nobody else gets it

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _time(self) -> float:
        if self.kind == "sqlite":
            return time.time()
        with self.read() as connection:
            return float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0.0)

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with _MIGRATING, self.write() as connection:  # of SQLite, this alone lets no second writer in
            if self.kind != "sqlite":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"{VARIABLE} must be a URL such as postgresql://user:password@host/name") from error
    kind = address.get_backend_name()
    if kind in ("postgres", "postgresql"):
        return address.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise ConfigError(f"{VARIABLE} must be of sqlite or postgresql; got {kind[:40]}")
    return address


def _prepare_sqlite(engine: Any) -> None:
    """Write-ahead log, foreign keys, and transactions that begin when we say so: a writer waits at its beginning."""

    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # Python's own rules would begin a transaction at the first write
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={WAIT * 1000}"):
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads_only")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)


def _reason(error: Exception) -> str:
    """What went wrong, without the address, which may hold a password."""
    return type(error.orig).__name__ if isinstance(error, OperationalError) and error.orig else type(error).__name__
