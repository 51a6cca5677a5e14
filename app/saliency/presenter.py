"""The presenter view: one map at a time, as large as the window; arrow keys step through methods and networks."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from app.saliency.choice import SaliencyChoice
from app.saliency.colouring import explains, map_pixels, scales, why_empty
from app.saliency.results import Cell
from app.state import session
from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.data_urls import bytes_url, data_url
from app.ui.elements import STYLE
from core.data.tasks import Task
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.grid import SaliencyMap

KEY = "saliency-stage"
_BARE = (
    '<style>[data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stExpandSidebarButton"], h1 '
    '{ display: none !important; } [data-testid="stMainBlockContainer"] { padding: 0.6rem 1.2rem !important; '
    "max-width: none !important; }</style>"
)


def stage(
    task: Task,
    models: Sequence[str],
    part: SaliencyChoice,
    found: Mapping[Cell, SaliencyMap],
    votes: Mapping[Cell, str] = MappingProxyType({}),
) -> None:
    """The maps of the grid, one at a time; in a guess the class, the network and the picture stay hidden at first.

    `votes` is what the room said of a map, as HTML: it stands under the answer once that is revealed.
    """
    st.html(_BARE)
    full = scales(found, part.scale)
    slides = [
        [_slide(task, cell, found, full, part) | {"votes": votes.get(cell, "")} for cell in row]
        for row in ([(model, method) for model in models] for method in part.methods)
    ]
    one = next(iter(found.values()), None)
    data = {
        "slides": slides,
        "picture": data_url(one.x) if one is not None else "",
        "row": part.methods.index(part.method),
        "column": list(models).index(part.seen),
        "guess": part.view == "guess",
    }
    _component()(key=KEY, data=data, on_leave_change=_leave)


def _slide(
    task: Task, cell: Cell, found: Mapping[Cell, SaliencyMap], full: Mapping[Cell, float], part: SaliencyChoice
) -> dict[str, str]:
    """What the browser needs of one map."""
    one = found.get(cell)
    problem = "This map is not made yet." if one is None else why_empty(one)
    url = "" if one is None or problem else bytes_url(map_pixels(one, full[cell], part.colours, part.over))
    words = explains(one, task.class_names) if one is not None else ""
    return {
        "url": url,
        "problem": problem,
        "method": ATTRIBUTION_METHODS[cell[1]].title,
        "sentence": ATTRIBUTION_METHODS[cell[1]].sentence,
        "model": model_name(cell[0]),
        "colour": model_colour(cell[0]),
        "answer": words,
        "key": f"{cell[0]},{cell[1]}",
    }


def _leave() -> None:
    """Back to the page, to the map that was shown last; the value may come from anyone."""
    last = st.session_state[KEY].get("leave")
    session.set_field("view", "")
    if isinstance(last, str):
        session.set_field("map", tuple(last[:200].split(",")))


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    css, js = ((STYLE.with_name(f"stage.{suffix}")).read_text() for suffix in ("css", "js"))
    return component("robustscope.stage", html=_HTML, css=css, js=js)


_HTML = """
<div class="stage" tabindex="0" role="group" aria-label="One map; arrow keys step through methods and networks">
  <div class="shown"><img alt=""><p class="problem"></p></div>
  <div class="words">
    <div class="model"></div>
    <div class="method"></div>
    <p class="sentence"></p>
    <div class="answer"></div>
    <div class="votes"></div>
    <img class="picture" alt="The picture">
    <p class="keys"></p>
    <button type="button" class="leave">Back to the page</button>
  </div>
</div>
"""
