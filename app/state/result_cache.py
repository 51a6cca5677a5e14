"""Results that several visitors may ask for: computed once, shared, bounded in bytes, forgotten with the last visitor.

Streamlit's own caches count entries, whatever their size, and know no visitor: what was made of somebody's picture
would stay in memory after they left.
"""

import hashlib
import inspect
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from threading import Lock
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from numpy import ndarray

from app.state.admission import Admission, places
from app.state.bounded_store import SERVER, parts_of, shared_store
from app.state.device import bounded
from app.state.presence import owner, session_id

RESULT_BYTES = 512 * 2**20

P = ParamSpec("P")
R = TypeVar("R")

_computing: WeakValueDictionary[Hashable, "_Turn"] = WeakValueDictionary()
_lock = Lock()


class _Turn:
    """Held by whoever computes a result; those who ask for the same meanwhile wait and find it."""

    def __init__(self) -> None:
        self.lock = Lock()


def cached_result(function: Callable[P, R]) -> Callable[P, R]:
    """Remember what a function gives. Its arguments are hashable, or have a `cache_key` that they are known by.

    As in Streamlit's caches, an argument whose name begins with an underscore does not count: it follows from others.
    Arrays in a result can't be written to, since everybody is given the same ones. What raises is not remembered.
    """
    return _cached(function, lambda: owner() if session_id() else SERVER, _unwritable)


def cached_for_all(function: Callable[P, R]) -> Callable[P, R]:
    """As `cached_result`, for what comes from the server's own files: no visitor takes it along when they leave.

    It is found in a tenth of the time that a cache of Streamlit takes, and pages ask for such things a hundred times.
    Arrays stay as they are: torch warns of those that can't be written to.
    """
    return _cached(function, lambda: SERVER, lambda result: result)


def _cached(function: Callable[P, R], whose: Callable[[], str], seal: Callable[[R], R]) -> Callable[P, R]:
    signature = inspect.signature(function)
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def cached(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = (_short(value) for word, value in bound.arguments.items() if not word.startswith("_"))
        key, store, visitor = (name, *given), shared_store("results", RESULT_BYTES), whose()
        found: tuple[R] | None = store.get(key, visitor)
        if found is None:
            with _lock:
                turn = _computing.setdefault(key, _Turn())
            with _held(turn.lock):
                found = store.get(key, visitor)
                if found is None:
                    with _admission().place(name):
                        found = (seal(bounded(lambda: function(*args, **kwargs))),)
                    store.put(key, found, visitor)
        return found[0]

    return cached


@contextmanager
def _held(lock: Lock) -> Iterator[None]:
    """The lock, which others may hold for long: one's place among those who compute is theirs meanwhile."""
    if not lock.acquire(blocking=False):
        with _admission().given_up():
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@cache
def _admission() -> Admission:
    """The places of this server."""
    return Admission(places())


def _short(value: object) -> object:
    """What a key holds of an argument: not the bytes of a picture, nor the networks of a position."""
    if isinstance(value, bytes) and len(value) > 64:
        return hashlib.blake2b(value, digest_size=16).digest()
    return getattr(value, "cache_key", value)


def _unwritable(result: R) -> R:
    for part in parts_of(result):
        if isinstance(part, ndarray):
            part.flags.writeable = False
    return result
