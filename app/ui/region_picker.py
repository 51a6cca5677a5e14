"""Pictures and maps side by side that a visitor points at: a box and a pixel that stand on all of them, one zoom.

All values are sent once. While a box is drawn the browser sums the maps itself; the server is told where it rests.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.components.v2 import component

from app.state import session
from app.state.boxes import box_of, box_text
from app.state.names import model_name
from app.ui import tiles
from app.ui.colours import model_colour
from app.ui.elements import STYLE, percent
from app.ui.sheets import Cell, SheetRow

LEVELS = 32767  # a map's values are sent as 16-bit shares of its strongest


@dataclass(frozen=True, slots=True)
class PanelAnswer:
    """What one network answers to the picture of a panel.

    Attributes:
        model: the network's key.
        changed: whether the answer is another than on the picture as it came.
        answer: the class.
        share: its probability, in [0, 1].
    """

    model: str
    changed: bool
    answer: str
    share: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture or map.

    Attributes:
        key: of the panel, for tests.
        name: of what is shown.
        note: what else is to be said of it, one phrase.
        source: the PNG as a data URL, one pixel a value.
        heatmap: the values (H, W) of a map; None for a picture.
        model: key of the network whose it is, which gives the colour; "" where it is of none.
        answers: to this picture.
    """

    key: str
    name: str
    note: str
    source: str
    heatmap: NDArray[np.float32] | None = None
    model: str = ""
    answers: Sequence[PanelAnswer] = ()


@dataclass(frozen=True, slots=True)
class PanelGroup:
    """Panels that stand together under a title; it may be empty."""

    title: str
    panels: Sequence[Panel]


def region_picker(groups: Sequence[PanelGroup], height: int, width: int, place: str) -> None:
    """Show panels of pictures of one size, and their files; the box that is drawn on them becomes the view's.

    Args:
        groups: in reading order; every panel has `height` times `width` pixels.
        height: rows.
        width: columns.
        place: where on the site this is; of the element's key.
    """
    box, key = session.now().box, f"region-{place}"
    data: dict[str, Any] = {
        "height": height,
        "width": width,
        "box": None if box is None else [box.top, box.left, box.height, box.width],
        "groups": [{"title": group.title, "panels": [*map(_as_data, group.panels)]} for group in groups],
    }
    _component()(key=key, data=data, on_box_change=lambda: _take(key))
    note = "" if box is None else f"Box (first row, first column, rows, columns): {box_text(box)}"
    tiles.offer(f"pointed-{place}", partial(sheet_rows, groups), note)


def sheet_rows(groups: Sequence[PanelGroup]) -> list[SheetRow]:
    """The panels as a sheet has them: a row a group, each panel above its name, its note and the answers to it."""
    return [SheetRow(group.title, "", [*map(_cell, group.panels)]) for group in groups if group.panels]


def _cell(panel: Panel) -> Cell:
    answers = (f"{model_name(one.model)}: {one.answer} {percent(one.share)}" for one in panel.answers)
    return Cell(tiles.url_pixels(panel.source), "\n".join([panel.name, panel.note, *answers]))


def _as_data(panel: Panel) -> dict[str, Any]:
    scale = 0.0 if panel.heatmap is None else float(np.abs(panel.heatmap).max())
    return {
        "key": panel.key,
        "name": panel.name,
        "note": panel.note,
        "source": panel.source,
        "colour": model_colour(panel.model) if panel.model else "",
        "values": "" if panel.heatmap is None else _levels(panel.heatmap, scale),
        "scale": scale,
        "answers": [
            {
                "name": model_name(one.model),
                "colour": model_colour(one.model),
                "answer": one.answer,
                "share": percent(one.share),
                "changed": one.changed,
            }
            for one in panel.answers
        ],
    }


def _levels(heatmap: NDArray[np.float32], scale: float) -> str:
    """A map's values as 16-bit numbers, the lowest byte first, in base 64."""
    levels = np.rint(heatmap / (scale or 1.0) * LEVELS).astype("<i2")
    return base64.b64encode(levels.tobytes()).decode()


def _take(key: str) -> None:
    """Take the box that was drawn, or none where it was cleared; the value may come from anyone."""
    sides = st.session_state[key].get("box")
    if not isinstance(sides, list):
        return
    box = box_of(sides)
    if box is not None or not sides:
        session.set_field("box", box)


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    css = "\n".join(STYLE.with_name(f"{name}.css").read_text(encoding="utf-8") for name in ("tools", "region"))
    return component(
        "robustscope.region", html=_HTML, css=css, js=STYLE.with_name("region.js").read_text(encoding="utf-8")
    )


_HTML = """
<div class="region" data-tool="box" data-zoom="1">
  <div class="tools">
    <div class="modes" role="radiogroup" aria-label="What a drag does">
      <label><input type="radio" name="region-tool" value="box" checked><span>draw a box</span></label>
      <label><input type="radio" name="region-tool" value="move"><span>move</span></label>
    </div>
    <div class="zoom" role="group" aria-label="Zoom">zoom
      <button type="button" data-zoom="out" aria-label="Zoom out">−</button><output>1 ×</output>
      <button type="button" data-zoom="in" aria-label="Zoom in">+</button>
    </div>
    <button type="button" class="clear">Clear</button>
  </div>
  <p class="said" role="status"></p>
  <div class="panels" role="application" tabindex="0"></div>
  <p class="hint">Shift and drag moves all panels together; once one was clicked, the wheel zooms. Arrow keys move the
    box, with Shift they resize it; Escape clears it.<span class="of-bars"> The mark on a bar: what an even map would
    have.</span></p>
</div>
"""
