"""Every view of a workshop is drawn again a few times, by the looks at whether something changed.

Streamlit drops what a run has drawn last where the next request, such as that look, comes between the run's end and the
sending: a phone that had moved to another server stood there without its question, until the presenter went on. On a
machine that has much to do a second drawing can be dropped like the first, so there are later ones.
"""

import time
from collections.abc import Hashable

import streamlit as st

PAUSES = (0.0, 5.0, 15.0)
"""Seconds after each drawing of a view, the first to begin with, from which on the next one is due."""
_VIEW, _TIMES, _LAST = "workshop.drawn", "workshop.drawn.times", "workshop.drawn.last"


def begin() -> None:
    """All of the page is about to be drawn."""
    st.session_state[_TIMES], st.session_state[_LAST] = st.session_state.get(_TIMES, 0) + 1, time.monotonic()


def end(view: Hashable) -> None:
    """All of it is drawn."""
    if st.session_state.get(_VIEW) != view:
        st.session_state[_VIEW] = view
        again()


def again() -> None:
    """Something was drawn for the first time, which may not have arrived: all of the page, or a part of it."""
    st.session_state[_TIMES], st.session_state[_LAST] = 0, time.monotonic()


def due() -> bool:
    """Whether the page is to be drawn once more; never while it is drawn."""
    times = st.session_state.get(_TIMES, len(PAUSES))
    return times < len(PAUSES) and time.monotonic() - st.session_state[_LAST] >= PAUSES[times]
