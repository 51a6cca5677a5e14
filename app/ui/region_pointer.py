"""A click on the picture above, or on a map of its pixels: a box stands there, and the part about regions opens."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from app.state import session
from app.ui import elements
from core.metrics.box import Box

PART, KEY = "point", "region-pointer"
PICTURES = '.st-key-seen img, [class*="st-key-map-"] img, .rs-latent [data-tile="now"] img'  # a value each is a pixel
SHARE = 8  # of the shorter side, that the box of a click takes


def pointed(question: str, draw: Callable[[], None], shape: tuple[int, int, int]) -> None:
    """The part of a page about a region of its pictures (C, H, W), folded until it is asked for or pointed at."""
    height, width = shape[1:]
    _component()(
        key=KEY, data={"pictures": PICTURES, "part": f"st-key-section-{PART}"},
        on_at_change=partial(_take, height, width),
    )  # fmt: skip
    elements.folded(PART, question, draw)


def box_at(down: float, across: float, height: int, width: int) -> Box:
    """The box around a place, given as shares of a picture's sides from its upper left; it lies within."""
    side = max(1, min(height, width) // SHARE)
    top, left = (
        min(max(int(share * length) - side // 2, 0), length - side)
        for share, length in ((down, height), (across, width))
    )
    return Box(top, left, side, side)


def _take(height: int, width: int) -> None:
    """Put the box where was pointed; the value may come from anyone."""
    at = st.session_state[KEY].get("at")
    if isinstance(at, list) and len(at) == 2 and all(isinstance(one, int | float) and 0 <= one <= 1 for one in at):
        session.set_fields({"box": box_at(float(at[0]), float(at[1]), height, width)}, PART)


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    style = f"<style>:is({PICTURES}) {{ cursor: crosshair; }}</style>"
    return component("robustscope.pointer", html=style, js=_JS, isolate_styles=False)


_JS = """
const PATIENCE = 40;  // looks, a quarter of a second apart, until the part is open

function show(part, looks = 0) {
  const place = document.querySelector(`.${part}`);
  if (place?.querySelector("details[open]")) place.scrollIntoView({ block: "start", behavior: "smooth" });
  else if (looks < PATIENCE) setTimeout(() => show(part, looks + 1), 250);
}

export default function({ data, setTriggerValue }) {
  const of = event => event.target.closest?.(data.pictures);
  const name = event => { const picture = of(event); if (picture) picture.title = "Click: what lies here?"; };
  const take = event => {
    const picture = of(event);
    if (!picture) return;
    const frame = picture.getBoundingClientRect();
    const shares = [(event.clientY - frame.top) / frame.height, (event.clientX - frame.left) / frame.width];
    setTriggerValue("at", shares.map(share => Math.min(Math.max(share, 0), 1)));
    show(data.part);
  };
  document.addEventListener("click", take);
  document.addEventListener("mouseover", name);
  return () => {
    document.removeEventListener("click", take);
    document.removeEventListener("mouseover", name);
  };
}
"""
