"""Where the sliders of natural changes stand, as a link holds it: `rotation:12,fog:0.3`."""

from typing import Any

import numpy as np

from app.state.query_fields import matching
from core.data.tasks import Task
from core.natural.catalogue import CHANGES, changes_of

Amounts = tuple[tuple[str, float], ...]
"""Keys of changes with their amounts."""

_ONE = r"[a-z]{1,12}:-?\d{1,3}(\.\d{1,6})?"


def _pairs(text: str) -> Amounts:
    return tuple((key, float(amount)) for key, amount in (one.split(":") for one in text.split(",")))


_matching = matching(rf"{_ONE}(,{_ONE})*", _pairs)


def parse(text: str) -> Amounts | None:
    """What a link's text means; None where that is nothing."""
    found = _matching(text) if len(text) <= 500 else None
    return found if found and all(key in CHANGES for key, _ in found) else None


def as_text(found: Amounts) -> str:
    """The amounts in a link."""
    return ",".join(f"{key}:{np.format_float_positional(amount, 6, trim='-')}" for key, amount in found)


def are_possible(found: Any, task: Task) -> bool:
    """Whether a value from anyone is amounts of changes that a task's pictures can have."""
    try:
        return possible(found, task) == tuple(found)
    except (TypeError, ValueError):
        return False


def possible(found: Amounts, task: Task) -> Amounts:
    """Those of some amounts that a task's pictures can have."""
    known = changes_of(task.shape[0])
    return tuple((key, amount) for key, amount in found if key in known and known[key].low <= amount <= known[key].high)


def moved(found: Amounts) -> Amounts:
    """Those that are not at rest, each the last of its key, in the catalogue's order."""
    last = dict(found)
    return tuple((key, last[key]) for key, change in CHANGES.items() if last.get(key, change.rest) != change.rest)
