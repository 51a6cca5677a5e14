"""Follow me: a presenter shows any page in the room, and phones go there and come back; drawn above every page."""

from collections.abc import Mapping
from contextlib import suppress

import streamlit as st
from streamlit.navigation.page import Page

from app.state import visitors
from app.state.errors import guard
from app.workshop.doors import LEADER
from app.workshop.participant import SEAT
from app.workshop.server import POLL, database, hub
from core.errors import CoreError
from core.workshop import leading, taking_part
from core.workshop.links import PAGES, read_link, write_link
from core.workshop.state import Leader, Seat

_SHOWN, _SOUGHT = "workshop.followed", "workshop.sought"


def band(page: str, pages: Mapping[str, Page]) -> None:
    """What stands above every page of somebody who is in a workshop; nothing for anybody else.

    Args:
        page: which page is open, by its path.
        pages: the pages of the app by their paths, as Streamlit knows them.
    """
    if page in PAGES:
        _come_back()
    if (leader := st.session_state.get(LEADER)) is not None:
        if page in PAGES:
            _lead(leader, page)
    elif (seat := st.session_state.get(SEAT)) is not None:
        if page == "workshop":
            with guard():
                _go(seat, pages)  # that page looks for changes itself
        else:
            _watch(seat, pages)


def _come_back() -> None:
    """Know a browser again that was reloaded, or woke up, on one of these pages; looked for once a session."""
    if _SOUGHT in st.session_state:
        return
    st.session_state[_SOUGHT] = True
    browser = visitors.me()
    if browser is None or LEADER in st.session_state or SEAT in st.session_state:
        return
    with suppress(CoreError):  # these pages need no database of workshops
        st.session_state[LEADER] = leading.latest(database(), browser)
        st.session_state[SEAT] = taking_part.latest(database(), browser)


@st.fragment(run_every=POLL)
def _lead(leader: Leader, page: str) -> None:
    """The presenter's button on a page: send the room here, bring it along, release it."""
    with guard():
        workshop = hub().room(leader.workshop).workshop
        if workshop.phase == "finished":
            return
        here = _here(page)
        with st.container(horizontal=True, vertical_alignment="center", key="ws-band"):
            if here is None:
                st.caption("This view is too long for a link, so the room can't be shown it.")
            elif workshop.following != here:
                label = "Take the room along to this view" if workshop.following else "Show this in the room"
                st.button(label, key="ws-follow", icon=":material/cast:", on_click=_send, args=(leader, page))
            if workshop.following:
                st.caption("The room follows you." if workshop.following == here else "The room sees an earlier view.")
                st.button("Release the room", key="ws-release", on_click=_release, args=(leader,))


def _here(page: str) -> str | None:
    """The link to the view that is open; None where it is too long."""
    try:
        return write_link(page, st.query_params.to_dict())
    except CoreError:
        return None


def _send(leader: Leader, page: str) -> None:
    with guard():
        leading.follow(database(), leader, _here(page) or "")
        hub().changed(leader.workshop)


def _release(leader: Leader) -> None:
    with guard():
        leading.follow(database(), leader, "")
        hub().changed(leader.workshop)


@st.fragment(run_every=POLL)
def _watch(seat: Seat, pages: Mapping[str, Page]) -> None:
    with guard():
        _go(seat, pages)
        if st.session_state.get(_SHOWN):
            st.html('<p class="rs-guide">You see what the presenter shows.</p>')


def _go(seat: Seat, pages: Mapping[str, Page]) -> None:
    """A phone goes where the presenter goes, once for each view, and back when released."""
    workshop = hub().room(seat.workshop).workshop
    link = workshop.following
    if link == st.session_state.get(_SHOWN, ""):
        return
    st.session_state[_SHOWN] = link
    if link:
        target, query = read_link(link)
        st.switch_page(pages[target], query_params=query)
    st.switch_page(pages["workshop"], query_params={"join": workshop.code})
