"""The views of the tour as cards: a picture, a title, a sentence, and the way there."""

import base64
from functools import partial
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.state import pictures, zoo
from app.tour import slides
from app.ui import presenter
from core.tour.rules import TITLES
from core.tour.view import VIEWS, View, read_views


def show() -> None:
    """All views whose networks and pictures are here."""
    found = [view for view in _views(VIEWS.stat().st_mtime_ns if VIEWS.exists() else 0) if _here(view)]
    if not found:
        st.info("The views were chosen for other networks than those of this server: `robustscope choose-views`.")
    grid = st.container(horizontal=True, gap="medium", key="tour")
    for view in found:
        _card(grid, view)
    if found:
        presenter.offer(partial(slides.slides, found), linked=False)


@st.cache_resource(max_entries=2, show_spinner=False)
def _views(stamp: int) -> tuple[View, ...]:
    return read_views().views


def _here(view: View) -> bool:
    """Whether the networks are those that the view is about, and its picture is in the gallery."""
    if view.task not in zoo.zoo_tasks() or view.picture not in pictures.items(view.task):
        return False
    cards = zoo.cards_of(view.task)
    return all(key in cards and cards[key].sha256 == sha256 for key, sha256 in view.networks.items())


def _card(grid: DeltaGenerator, view: View) -> None:
    png = base64.b64encode(pictures.thumbnail(view.task, view.picture)).decode()
    with grid.container(border=True, width=270, key=f"tour-{view.key}"):
        st.html(
            f'<div class="rs-tour" data-view="{escape(view.key)}"><img src="data:image/png;base64,{png}" alt="">'
            f"<h2>{escape(TITLES[view.key])}</h2><p>{escape(view.sentence)}</p></div>"
        )
        st.page_link(
            f"pages/{view.page}.py", label="Show me", icon=":material/arrow_forward:", query_params=dict(view.query)
        )
