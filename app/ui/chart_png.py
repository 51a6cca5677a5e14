"""The picture of a chart: a button that has the browser save what it drew, which no library here could draw again."""

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

NAME = "robustscope.chart-png"


def button(chart: str) -> None:
    """A button that saves the chart of this key as `charts.saving` says, for those who touch, point or press keys."""
    _component()(key=f"png-{chart}", data={"chart": chart}, width="content")


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    return component(NAME, html=_HTML, css=_CSS, js=_JS)


_HTML = '<button type="button"><span aria-hidden="true">download</span>PNG</button>'
_CSS = """
button { font: 0.85rem/1.5 var(--st-font); color: var(--st-text-color); background: none; border: 0; margin: 0;
         padding: 0; min-height: 1.5rem; display: flex; align-items: center; gap: 0.5rem; cursor: pointer; }
button:hover, button:focus-visible { text-decoration: underline; }
span { font: 1.05rem/1 "Material Symbols Rounded"; font-feature-settings: "liga"; }
"""
_JS = """
export default function({ data, parentElement }) {
  const chart = ".st-key-" + data.chart.replace(/[^a-zA-Z0-9_-]/g, "-");
  parentElement.querySelector("button").onclick = () =>
    document.querySelector(`${chart} .modebar-btn`)?.click();  // Plotly's own, which the style sheet hides
}
"""
