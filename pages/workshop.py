"""Workshop: a presenter, a room full of phones, and what people said."""

import streamlit as st

from app.state import session
from app.state.errors import guard
from app.ui import elements
from app.workshop import choice, doors, looks, participant, presenter
from app.workshop.choice import WorkshopLink
from app.workshop.server import database, hub
from core.workshop import reading


def revealed(link: WorkshopLink) -> int:
    """How many rounds of a link's workshop have been revealed."""
    workshop = reading.find(database(), link.lead or link.join)
    if workshop is None:
        return 0
    state = hub().room(workshop).workshop
    return state.position + (state.phase in ("reveal", "finished")) if state.phase != "lobby" else 0


def page() -> None:
    """One of three doors, the presenter's screen, or a phone."""
    session.aside("workshop")
    link, notes = choice.here(revealed)
    elements.notes(notes)
    if link.lead:
        presenter.page(link)
    elif link.join:
        participant.page(link)
    else:
        st.title("What do people see that networks do not?", anchor=False)
        doors.page()


elements.style()
looks.style()
with guard():
    page()
