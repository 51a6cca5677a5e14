"""Which visitors are here now: by the sessions that were seen of them, and whether their tabs are open."""

import time
from collections.abc import Callable
from threading import Lock

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.state import visitors


class Presence:
    """Visitors with their sessions; safe under many threads."""

    def __init__(self, connected: Callable[[str], bool] = lambda session: True) -> None:
        """`connected` says of a session whether its tab is open."""
        self._connected = connected
        self._sessions: dict[str, dict[str, float]] = {}  # of a visitor, with the time they were last known
        self._lock = Lock()

    def seen(self, visitor: str, session: str) -> None:
        """Note a session of a visitor."""
        with self._lock:
            self._sessions.setdefault(visitor, {})[session] = time.monotonic()

    def away(self, visitor: str) -> float:
        """Seconds since a tab of a visitor was last open; one who was never seen is away from now on."""
        now = time.monotonic()
        with self._lock:
            sessions = self._sessions.setdefault(visitor, {"": now})
            for session in sessions:
                if session and self._connected(session):
                    sessions[session] = now
            last = max(sessions.values())
            self._sessions[visitor] = {name: known for name, known in sessions.items() if known == last}
            return now - last

    def gone(self, after: float) -> list[str]:
        """Visitors who have been away for longer than `after` seconds."""
        return [visitor for visitor in self.known() if self.away(visitor) > after]

    def known(self) -> list[str]:
        """Visitors who are here, or were a moment ago."""
        with self._lock:
            return [*self._sessions]

    def forget(self, visitor: str) -> None:
        """Know nothing of a visitor."""
        with self._lock:
            self._sessions.pop(visitor, None)


@st.cache_resource(show_spinner=False)
def presence() -> Presence:
    """The visitors of this server."""
    return Presence(_tab_is_open)


def _tab_is_open(session: str) -> bool:
    """Whether a browser tab is open on a session; always so where there is no server, as in a test."""
    return not runtime.exists() or bool(runtime.get_instance().is_active_session(session))


def session_id() -> str:
    """The name of the session that runs now; empty outside of one."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def owner() -> str:
    """Whose is what is kept now: this visitor, or the session of one who has no name; they are here, too."""
    name = visitors.me() or session_id()
    presence().seen(name, session_id())
    return name
