"""The grid of maps: methods by networks, as HTML; a click on a map chooses it."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from app.saliency.choice import SaliencyChoice
from app.saliency.colouring import explains, map_pixels, scales, strength_css, strongest, why_empty
from app.saliency.results import Cell
from app.state import session
from app.state.names import model_name
from app.ui.colours import gradient_css, model_colour
from app.ui.data_urls import bytes_url
from app.ui.elements import two_figures, weaker
from core.data.tasks import Task
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.grid import SaliencyMap
from core.text import hyphenated

KEY = "saliency-grid"


def grid_html(task: Task, models: Sequence[str], part: SaliencyChoice, found: Mapping[Cell, SaliencyMap]) -> str:
    """The grid as far as it is there; a cell without a map says why, or that it is on its way."""
    full, shared = scales(found, part.scale), scales(found, "method")

    def cell(model: str, method: str) -> str:
        here = (model, method)
        return _cell(here, found.get(here), full.get(here, 1.0), shared.get(here, 1.0), part)

    if part.rows == "methods":
        heads = "".join(_model_head(task, model, found) for model in models)
        body = "".join(
            _method_head(method) + "".join(cell(model, method) for model in models) for method in part.methods
        )
        rows, columns = len(part.methods), len(models)
    else:
        heads = "".join(_method_head(method) for method in part.methods)
        body = "".join(
            _model_head(task, model, found) + "".join(cell(model, method) for method in part.methods)
            for model in models
        )
        rows, columns = len(models), len(part.methods)
    return (
        f'<div class="rs-maps rs-scrolls" style="--rs-columns: {columns}; --rs-rows: {rows}" '
        f'data-maps="{len(found)}" data-rows="{part.rows}"><div>'
        f"</div>{heads}{body}</div>{_scale(part.colours)}"
    )


def _model_head(task: Task, model: str, found: Mapping[Cell, SaliencyMap]) -> str:
    said = next((words for (key, _), one in found.items() if key == model and (words := _says(task, one))), "")
    return (
        f'<div class="rs-map-head rs-of-model" style="--rs-colour: {model_colour(model)}" '
        f'data-explains="{escape(said)}"><b>{escape(model_name(model))}</b><small>{escape(said)}</small></div>'
    )


def _says(task: Task, one: SaliencyMap) -> str:
    words = explains(one, task.class_names)
    return f"why {words}" if words and ATTRIBUTION_METHODS[one.method].of_class else ""


def _method_head(method: str) -> str:
    known = ATTRIBUTION_METHODS[method]
    return (
        f'<div class="rs-map-head" title="{escape(known.sentence)}"><b>{escape(hyphenated(known.title))}</b>'
        f"<small>{escape(known.sentence)}</small></div>"
    )


def _cell(cell: Cell, one: SaliencyMap | None, full: float, shared: float, part: SaliencyChoice) -> str:
    """A map on the scale `full`; where it has one of its own, how it compares with `shared`, its method's strongest."""
    name = f"{ATTRIBUTION_METHODS[cell[1]].title}, {model_name(cell[0])}"
    mark = f'data-map="{escape(cell[0])},{escape(cell[1])}"'
    if one is None:
        return f'<div class="rs-map rs-map-none" {mark} data-state="waiting"><span>on its way</span></div>'
    problem = why_empty(one)
    if problem:
        return f'<div class="rs-map rs-map-none" {mark} data-state="none"><span>{escape(problem)}</span></div>'
    url = bytes_url(map_pixels(one, full, part.colours, part.over))
    size = f"max {two_figures(strongest(one))}"
    said = weaker(shared, strongest(one)) if part.scale == "own" else size
    chosen = cell == (part.seen, part.method)
    return (
        f'<button class="rs-map{" rs-chosen" if chosen else ""}" type="button" {mark} data-state="there" '
        f'aria-pressed="{str(chosen).lower()}" aria-label="{escape(name)}: look closer"><img src="{url}" '
        f'alt="{escape(name)}"><small title="{size}">{said}</small></button>'
    )


def _scale(colours: str) -> str:
    if colours == "signed":
        return (
            f'<div class="rs-scale rs-scale-short"><i style="background: {gradient_css()}"></i>'
            "<span><b>lowers the score</b><b>0</b><b>raises it</b></span></div>"
        )
    return (
        f'<div class="rs-scale rs-scale-short"><i style="background: {strength_css()}"></i>'
        "<span><b>0</b><b>full strength, whatever the sign</b></span></div>"
    )


def clickable(html: str) -> None:
    """Show a grid; a click on a map chooses it."""
    _component()(key=KEY, data={"html": html}, on_open_change=_take)


def _take() -> None:
    """Look at the map that was clicked; the value may come from anyone."""
    opened = st.session_state[KEY].get("open")
    if isinstance(opened, str):
        session.set_field("map", tuple(opened[:200].split(",")))


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    return component("robustscope.maps", html='<div class="rs-grid"></div>', js=_JS, isolate_styles=False)


_JS = """
export default function({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".rs-grid");
  if (root.said !== data.html) {
    const held = root.contains(document.activeElement) ? document.activeElement.dataset.map : null;
    root.innerHTML = root.said = data.html;
    if (held) root.querySelector(`[data-map="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }
  root.onclick = event => {
    const map = event.target.closest("button[data-map]");
    if (map) setTriggerValue("open", map.dataset.map);
  };
}
"""
