"""Guessing is slow: wrong codes and keys are counted by where they come from, on all servers of a database together."""

from sqlalchemy import delete, func, select

from core.errors import InputError
from core.workshop.codes import digest
from core.workshop.database import Database
from core.workshop.schema import FailureRow

MOST = 60
"""Wrong tries within about a minute from one address; a room shares one, and people mistype."""


def check(database: Database, source: str) -> None:
    """Let nobody try who has been wrong too often just now.

    Raises:
        InputError: too many wrong codes or keys from there.
    """
    minute = int(database.now() // 60)
    with database.read() as connection:
        wrong = connection.scalar(
            select(func.sum(FailureRow.count)).where(
                FailureRow.source == digest(source), FailureRow.minute >= minute - 1
            )
        )
    if (wrong or 0) >= MOST:
        raise InputError("Too many wrong codes or keys came from this network: wait two minutes, then try again.")


def count_failure(database: Database, source: str) -> None:
    """Count a wrong code or key; what is older than a few minutes is forgotten."""
    minute = int(database.now() // 60)
    with database.write() as connection:
        connection.execute(delete(FailureRow).where(FailureRow.minute < minute - 3))
        connection.execute(database.count(FailureRow, {"source": digest(source), "minute": minute}))
