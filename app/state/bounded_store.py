"""One store for results that are shared: bounded, safe under many threads."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any

KEPT = 4096


class BoundedStore:
    """Results by key, those used last; safe under many threads. Unlike a cache, it can be asked what is there."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._found: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Any:
        """The result under a key; None where there is none."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def put(self, key: Hashable, result: Any) -> None:
        """Keep a result, and drop the oldest if there are too many."""
        with self._lock:
            self._found[key] = result
            self._found.move_to_end(key)
            while len(self._found) > self._most:
                self._found.popitem(last=False)
