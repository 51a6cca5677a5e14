"""The shared choice in the session and in the address bar; the one place that touches query parameters.

`bind="query-params"` on the widgets would do most of this, but it drops what it can't use without a word, and can't say
that a link was made with an uploaded picture; and the picture is chosen by buttons, which it can't bind.
"""

from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from app import cache
from app.choice import Choice, World, change, read

_CHOICE, _SEEN, _NOTES = "choice.now", "choice.seen", "choice.notes"


def world() -> World:
    """What can be chosen on this server now.

    Raises:
        InputError: a card of the zoo is damaged.
    """
    tasks = cache.zoo_tasks()
    return World({task: tuple(cache.zoo(task)) for task in tasks}, {task: cache.items(task).keys() for task in tasks})


def start() -> Choice:
    """The choice of this session; read from the address where that is new: a visit, a link, the back button."""
    query = st.query_params.to_dict()
    if _CHOICE not in st.session_state or query != st.session_state[_SEEN]:
        st.session_state[_CHOICE], st.session_state[_NOTES] = read(query, world())
        st.session_state[_SEEN] = query
    return st.session_state[_CHOICE]


def now() -> Choice:
    """The choice as it stands; `start` ran before."""
    return st.session_state[_CHOICE]


def notes() -> list[str]:
    """What the link asked for and could not have, in sentences; gone with the first change."""
    return st.session_state[_NOTES]


def set_field(field: str, value: Any) -> None:
    """Change one field of the choice and bring the address in line. An impossible value changes nothing."""
    changed = change(now(), field, value, world())
    if changed != now():
        st.session_state[_CHOICE], st.session_state[_NOTES] = changed, []
        st.session_state[_SEEN] = changed.to_query()
        st.query_params.from_dict(changed.to_query())


def bound(field: str, key: str) -> dict[str, Any]:
    """Keyword arguments that make a widget show `field` and change it: its key, and a callback."""
    if st.session_state.get(key) != _shown(field):  # set without need, it would pull a slider back under the hand
        st.session_state[key] = _shown(field)
    return {"key": key, "on_change": _take, "args": (field, key)}


def _shown(field: str) -> Any:
    value = getattr(now(), field)
    if field == "strength" and now().norm == "linf":
        return int(value)  # a slider's value must have the type of its bounds
    return list(value) if isinstance(value, tuple) else value


def _take(field: str, key: str) -> None:
    set_field(field, st.session_state[key])


def link() -> str:
    """The address of this view, whole."""
    here = urlsplit(st.context.url or "")
    return urlunsplit(here._replace(query=urlencode(now().to_query(), safe=":,"), fragment=""))
