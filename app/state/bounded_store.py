"""One store for what is kept in memory: bounded in bytes, shared fairly among visitors, forgotten with them."""

import sys
from collections import Counter, OrderedDict
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
import streamlit as st
import torch

SERVER = ""  # the owner of what belongs to no visitor

Value = TypeVar("Value")


def parts_of(value: object) -> Iterator[object]:
    """A value and all that it refers to, each once; with the view of an array the whole array, which it keeps alive."""
    seen: set[int] = set()
    left = [value]
    while left:
        part = left.pop()
        if id(part) in seen or isinstance(part, type):
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, np.ndarray):
            left.append(part.base)
        elif isinstance(part, Mapping):
            left += [*part.keys(), *part.values()]
        elif isinstance(part, (list, tuple, set, frozenset)):
            left += part
        elif is_dataclass(part):
            left += [getattr(part, field.name) for field in fields(part)]
        elif hasattr(part, "__dict__") and not isinstance(part, torch.Tensor):
            left += vars(part).values()


def size_of(value: object) -> int:
    """About how many bytes of memory a value holds, with all that it refers to, each once."""
    return sum(_own_size(part) for part in parts_of(value))


def _own_size(part: object) -> int:
    if isinstance(part, np.ndarray):
        return 0 if isinstance(part.base, np.ndarray) else part.nbytes
    if isinstance(part, torch.Tensor):
        return int(part.untyped_storage().nbytes())
    return sys.getsizeof(part)


@dataclass(slots=True)
class _Entry(Generic[Value]):
    value: Value
    size: int
    owners: set[str]


class BoundedStore(Generic[Value]):
    """Values by key, of at most so many bytes together, but for the newest, which always stays; safe under threads.

    A value belongs to all visitors that put it or got it. Where room is short, the visitor who holds the most gives up
    what they did not use for longest; what nobody holds any more goes. Unlike a cache, it can be asked what is there.
    """

    def __init__(self, most_bytes: int, most_own: int | None = None) -> None:
        """A store of `most_bytes`, of which one visitor holds at most `most_own`, but for their newest."""
        self._most = most_bytes
        self._most_own = most_bytes if most_own is None else most_own
        self._entries: OrderedDict[Hashable, _Entry[Value]] = OrderedDict()  # used longest ago first
        self._held: Counter[str] = Counter()
        self._size = 0
        self._lock = Lock()

    def get(self, key: Hashable, owner: str = SERVER) -> Value | None:
        """The value under a key, which is the owner's, too, from now on; None where there is none."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            self._give(entry, owner)
            return entry.value

    def put(self, key: Hashable, value: Value, owner: str = SERVER) -> None:
        """Keep a value for its owner, and for those who held another under its key; make room for it."""
        with self._lock:
            before = self._entries.get(key)
            owners = {owner} if before is None else {owner, *before.owners}
            if before is not None:
                self._drop(key)
            entry: _Entry[Value] = _Entry(value, size_of((key, value)), set())
            self._entries[key] = entry
            self._size += entry.size
            for each in owners:
                self._give(entry, each)
            if owner != SERVER:
                self._keep_within(owner, key)
            while self._size > self._most and len(self._entries) > 1:
                self._make_room(key)

    def forget(self, owner: str) -> int:
        """A visitor is gone: what was theirs alone goes, too; the bytes of that."""
        with self._lock:
            before = self._size
            for key in [key for key, entry in self._entries.items() if owner in entry.owners]:
                self._release(key, owner)
            return before - self._size

    def held(self, owner: str) -> int:
        """The bytes of all that is a visitor's, shared or not."""
        return self._held[owner]

    @property
    def size(self) -> int:
        """The bytes of everything."""
        return self._size

    def __len__(self) -> int:
        """How many values are kept."""
        return len(self._entries)

    # ------------------------------------------------------------------------------------------- inside, under the lock

    def _give(self, entry: _Entry[Value], owner: str) -> None:
        if owner not in entry.owners:
            entry.owners.add(owner)
            self._held[owner] += entry.size

    def _keep_within(self, owner: str, newest: Hashable) -> None:
        """Take from a visitor what they did not use for longest, as long as they hold more than one may."""
        if self._held[owner] <= self._most_own:
            return
        own = [key for key, entry in self._entries.items() if key != newest and owner in entry.owners]
        for key in own:
            if self._held[owner] <= self._most_own:
                return
            self._release(key, owner)

    def _make_room(self, newest: Hashable) -> None:
        """Take one value from whoever holds the most of those that may go."""
        oldest: dict[str, Hashable] = {}
        for key, entry in self._entries.items():
            if key != newest:
                for owner in entry.owners:
                    oldest.setdefault(owner, key)
        heaviest = max(oldest, key=lambda owner: self._held[owner])
        self._release(oldest[heaviest], heaviest)

    def _release(self, key: Hashable, owner: str) -> None:
        entry = self._entries[key]
        entry.owners.discard(owner)
        self._held[owner] -= entry.size
        if not entry.owners:
            self._drop(key)
        if self._held[owner] <= 0:
            del self._held[owner]

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key)
        self._size -= entry.size
        for owner in entry.owners:
            self._held[owner] -= entry.size


@st.cache_resource(show_spinner=False)
def _stores() -> dict[str, BoundedStore[Any]]:
    return {}


def shared_store(name: str, most_bytes: int, most_own: int | None = None) -> BoundedStore[Any]:
    """The store of this name, one for the server."""
    stores = _stores()
    return stores[name] if name in stores else stores.setdefault(name, BoundedStore(most_bytes, most_own))


def forget(owner: str, but: Collection[str] = ()) -> int:
    """A visitor is gone: forget what is theirs in every store of the server, but for those of some names.

    Returns:
        The bytes that this sets free.
    """
    return sum(store.forget(owner) for name, store in [*_stores().items()] if name not in but)
