"""The presenter: what a page shows, as slides over the whole window, for a projector or a phone held up.

It lies over the page in the browser's top layer, so that leaving it leaves the page where it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.components.v2 import component

from app.state import address, session
from app.state.names import model_name
from app.ui import map_png
from app.ui.colours import gradient_css, model_colour
from app.ui.data_urls import data_url, png_url
from app.ui.elements import STYLE, percent
from app.ui.qr import qr_url
from core.explanations.attack_result import AttackResult

KEY = "presenter"
TOP = 3  # classes shown of an answer
_OPEN, _TIMES = "presenter.open", "presenter.times"


@dataclass(frozen=True, slots=True)
class Legend:
    """A colour scale: a CSS background, and what its ends mean."""

    background: str
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bar:
    """A named share.

    Attributes:
        name: in a word or two.
        share: in [0, 1].
        words: the figure as it is written.
        colour: "#rrggbb"; "" for the panel's.
    """

    name: str
    share: float
    words: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Face:
    """One of the forms in which a panel is seen; blinking goes through them.

    Attributes:
        name: what tells it from the others, such as "attacked".
        picture: data URL; "" where there is none.
        over: data URL of what can lie over the picture; "" where nothing can.
        answer: in words, large.
        verdict: a word or two beside it.
        bars: the probabilities behind it, or other shares.
        ribbon: parts of a whole, side by side in this order.
        problem: why there is no picture.
    """

    name: str = ""
    picture: str = ""
    over: str = ""
    answer: str = ""
    verdict: str = ""
    bars: tuple[Bar, ...] = ()
    ribbon: tuple[Bar, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One network's part of a slide.

    Attributes:
        key: of the network.
        title: its name.
        colour: "#rrggbb".
        faces: at least one.
        note: what must be known beside the name, in a few words; may be empty.
    """

    key: str
    title: str
    colour: str
    faces: tuple[Face, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Slide:
    """What networks show beside each other.

    Attributes:
        key: by which the page knows it.
        title: the question, or what is shown.
        panels: one a network.
        caption: a short sentence; may be empty.
        over: what lies over the pictures, such as "map"; "" where nothing does.
        covered: whether it lies there as the slide opens.
        legend: of the colours of what lies over them.
    """

    key: str
    title: str
    panels: tuple[Panel, ...]
    caption: str = ""
    over: str = ""
    covered: bool = False
    legend: Legend | None = None


SIGNED = Legend(gradient_css(), ("lowers the score", "raises it"))


def network(key: str, *faces: Face, note: str = "") -> Panel:
    """The panel of a network, under its name and in its colour."""
    return Panel(key, model_name(key), model_colour(key), faces, note)


def answered(
    class_names: Sequence[str], probs: NDArray[np.floating], name: str = "", picture: str = "", **more: Any
) -> Face:
    """A face that tells what a network answers.

    Args:
        class_names: the task's (K).
        probs: softmax probabilities (K,).
        name: of the face.
        picture: data URL.
        more: what else the face holds.
    """
    order = probs.argsort()[::-1][:TOP]
    bars = tuple(Bar(class_names[index], float(probs[index]), percent(float(probs[index]))) for index in order)
    return Face(name, picture, answer=class_names[order[0]], bars=bars, **more)


def attacked(class_names: Sequence[str], one: AttackResult, factor: int) -> tuple[Face, Face]:
    """A network's answers to a picture and to its attacked form, with the change `factor` times as strong over both."""
    change, verdict = png_url(map_png.amplify(one.delta, factor)), "kept" if one.before == one.after else "changed"
    return (
        answered(class_names, one.probs, "clean", data_url(one.x), over=change),
        answered(class_names, one.probs_adv, "attacked", data_url(one.x_adv), over=change, verdict=verdict),
    )


def offer(slides: Callable[[], Sequence[Slide]], linked: bool = True) -> None:
    """The button that opens the presenter on this page; the slides are made only while it is open.

    `linked` says whether the view has a link that shows others the same.
    """
    st.button("Presenter view", key="presenter.button", icon=":material/slideshow:", on_click=_open)
    if st.session_state.get(_OPEN) == session.page():
        present(slides(), _close, linked=linked)


def present(
    slides: Sequence[Slide],
    leave: Callable[[], None],
    start: tuple[str, str] = ("", ""),
    guess: bool = False,
    linked: bool = True,
) -> None:
    """Show slides over the page.

    Args:
        slides: at least one.
        leave: called once the visitor goes back to the page; `left_at` tells then what was seen last.
        start: keys of the slide and of the network that are shown first, where they are there.
        guess: whether networks, answers and pictures stay hidden until they are asked for.
        linked: whether the view has a link that shows others the same.
    """
    link = address.room_link(session.link()) if linked else ""
    data = {
        "slides": [asdict(slide) for slide in slides],
        "start": list(start),
        "guess": guess,
        "link": link,
        "qr": qr_url(link) if linked else "",
        "times": st.session_state.get(_TIMES, 0),
    }
    _component()(key=KEY, data=data, on_leave_change=leave)


def left_at() -> tuple[str, str]:
    """Keys of the slide and of the network seen last; they may come from anyone."""
    last = st.session_state[KEY].get("leave")
    slide, _, panel = last[:200].partition(" ") if isinstance(last, str) else ("", "", "")
    return slide, panel


def _open() -> None:
    st.session_state[_OPEN] = session.page()
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1  # one that was just left is told from the next


def _close() -> None:
    st.session_state.pop(_OPEN, None)


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    css, js = ((STYLE.with_name(f"presenter.{suffix}")).read_text() for suffix in ("css", "js"))
    return component("robustscope.presenter", html=_HTML, css=css, js=js)


_HTML = """
<dialog class="presenter" aria-label="Presenter view">
  <header><h2></h2><p class="caption"></p></header>
  <div class="panels"></div>
  <div class="room" hidden><img alt="QR code of the address of this view"><p></p></div>
  <div class="legend"><span></span><i></i><span></span></div>
  <nav aria-label="Presenter">
    <button type="button" data-does="back" title="Key: ←" aria-label="Back">‹</button>
    <output></output>
    <button type="button" data-does="on" title="Key: →" aria-label="Next">›</button>
    <button type="button" data-does="reveal" title="Key: Space">Reveal</button>
    <button type="button" data-does="blink" title="Key: B" aria-pressed="false">Blink</button>
    <button type="button" data-does="over" title="Key: O" aria-pressed="false"></button>
    <button type="button" data-does="bars" title="Key: P" aria-pressed="true" aria-label="Probabilities">%</button>
    <span class="columns" role="group" aria-label="Networks beside each other">
      <button type="button" data-does="1">1</button>
      <button type="button" data-does="2">2</button>
      <button type="button" data-does="4">4</button>
    </span>
    <button type="button" data-does="room" title="Key: Q" aria-pressed="false">QR</button>
    <button type="button" data-does="leave" title="Key: Esc">Leave</button>
  </nav>
</dialog>
"""
