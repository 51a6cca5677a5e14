"""A picture from the clipboard into an uploader, in the browser alone: it comes to the server as an uploaded file."""

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from app.ui.elements import STYLE


def paste_into(place: str, most: int) -> None:
    """Let a visitor paste a picture into the uploader in the container of this key, while both are on the screen.

    Args:
        place: key of the container.
        most: bytes that a picture may have; the uploader and the server look again.
    """
    _component()(key=f"paste-{place}", data={"input": place, "most": most})


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    css, js = ((STYLE.with_name(f"paste.{suffix}")).read_text(encoding="utf-8") for suffix in ("css", "js"))
    return component("robustscope.paste", html=_HTML, css=css, js=js)


_HTML = """
<div class="paste">
  <button type="button">Paste</button>
  <span>A copied picture: press Ctrl+V or ⌘V.</span>
  <p class="said" role="status"></p>
</div>
"""
