"""Guessing is slow: wrong codes and keys are counted by where they come from, on all servers of a database together."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import delete, func, select

from core.errors import InputError
from core.workshop.codes import digest
from core.workshop.database import Database
from core.workshop.schema import FailureRow

MOST = 60
"""Wrong tries within about a minute from one address; a room shares one, and people mistype."""


Found = TypeVar("Found")


def found_by(database: Database, source: str, find: Callable[[], Found | None], refusal: str) -> Found:
    """What a code or a key leads to; nobody may try who has been wrong too often just now.

    Args:
        database: where wrong tries are counted.
        source: the address that it comes from.
        find: looks; None where the code or the key is wrong.
        refusal: what is said then.

    Raises:
        InputError: it is wrong, or too many came from there.
    """
    _check(database, source)
    found = find()
    if found is None:
        _count_failure(database, source)
        raise InputError(refusal)
    return found


def _check(database: Database, source: str) -> None:
    minute = int(database.now() // 60)
    with database.read() as connection:
        wrong = connection.scalar(
            select(func.sum(FailureRow.count)).where(
                FailureRow.source == digest(source), FailureRow.minute >= minute - 1
            )
        )
    if (wrong or 0) >= MOST:
        raise InputError("Too many wrong codes or keys came from this network: wait two minutes, then try again.")


def _count_failure(database: Database, source: str) -> None:
    """Count a wrong code or key; what is older than a few minutes is forgotten."""
    minute = int(database.now() // 60)
    with database.write() as connection:
        connection.execute(delete(FailureRow).where(FailureRow.minute < minute - 3))
        connection.execute(database.count(FailureRow, {"source": digest(source), "minute": minute}))
