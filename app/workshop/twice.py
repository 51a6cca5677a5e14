"""Every view of a workshop is drawn twice, the second time by the next look at whether something changed.

Streamlit drops what a run has drawn last where the next request, such as that look, comes between the run's end and the
sending: a phone that had moved to another server stood there without its question, until the presenter went on.
"""

from collections.abc import Hashable

import streamlit as st

_VIEW, _DUE = "workshop.drawn", "workshop.due"


def begin() -> None:
    """All of the page is about to be drawn."""
    st.session_state.pop(_DUE, None)


def end(view: Hashable) -> None:
    """All of it is drawn; the first time of a view, it is due once more."""
    st.session_state[_DUE] = st.session_state.get(_VIEW) != view
    st.session_state[_VIEW] = view


def again() -> None:
    """A part of it was drawn, which may not have arrived."""
    st.session_state[_DUE] = True


def due() -> bool:
    """Whether the page is to be drawn once more: true once."""
    return bool(st.session_state.pop(_DUE, False))
