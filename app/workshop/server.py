"""What all sessions of this server share of workshops: one database, one hub; and who this browser is."""

from threading import Event

import streamlit as st

from app.state import visitors, zoo
from core.workshop.database import Database, database_url
from core.workshop.hub import EVERY, Hub
from core.workshop.notices import listen

BACKSTOP = 2.0  # seconds between two looks where PostgreSQL tells what changed
POLL = (
    1.2  # seconds after which a phone asks its server again, whose answer may be `EVERY` old: 2 s at most with a rerun
)
UNKNOWN = "this machine"


def hub() -> Hub:
    """The rooms of this server.

    Raises:
        InputError: the database can't be opened.
        ConfigError: its URL is none.
    """
    return _hub(database_url())


@st.cache_resource(show_spinner=False)
def _hub(url: str) -> Hub:
    zoo.leave_the_imports()
    database = Database(url)
    if database.kind == "sqlite":
        return Hub(database, EVERY)
    made = Hub(database, BACKSTOP)
    listen(database, made.changed, Event())
    return made


def database() -> Database:
    """The database of this server's workshops."""
    return hub().database


def secret() -> str:
    """What this browser alone knows: the name in its signed cookie, which scripts can't read."""
    return visitors.introduce()


def source() -> str:
    """Where this visitor comes from, as far as the server can tell."""
    return str(st.context.ip_address or UNKNOWN)
