"""Which of a picture's values go from black to white, where there is something to choose."""

from contextlib import suppress

import streamlit as st

from app.state import session
from app.state.pictures import ModelInput, Tones
from app.ui.controls import pick
from core.decoding.window import AS_IT_CAME, Window
from core.errors import ConfigError

TITLES = {
    "file": "as it came",
    "stretch": "all its values",
    "percentiles": "percentiles",
    "values": "level and width",
}
USUAL = (1.0, 99.0)  # percentiles
_KIND, _PERCENTILES, _LEVEL, _WIDTH = "window.kind", "window.percentiles", "window.level", "window.width"


def window_picker(shown: ModelInput) -> None:
    """The control, beside the picture: for fine values, for a small part of the range, and wherever one is set."""
    window, tones = session.now().window, shown.tones
    if window == AS_IT_CAME and not (tones.deep or tones.narrow):
        return
    with st.container(horizontal=True, gap="small", key="picture-window"):
        if window == AS_IT_CAME and tones.narrow:
            st.button("Stretch it", key="window.stretch", icon=":material/contrast:", on_click=_set, args=("stretch",))
        with st.popover("Window", icon=":material/tonality:"):
            _controls(window, tones)


def _controls(window: Window, tones: Tones) -> None:
    session.hold(_KIND, window.kind)
    pick("From black to white go", TITLES, key=_KIND, on_change=_take_kind, args=(tones,), width="stretch")
    if window.kind == "percentiles":
        session.hold(_PERCENTILES, (window.low, window.high))
        st.slider("Percentiles", 0.0, 100.0, step=0.5, format="%g %%", key=_PERCENTILES, on_change=_take_percentiles)
    if window.kind == "values":
        session.hold(_LEVEL, window.level)
        session.hold(_WIDTH, window.width)
        left, right = st.columns(2)
        step = max(tones.held[1] - tones.held[0], 1e-6) / 100
        left.number_input("Level", step=step, format="%g", key=_LEVEL, on_change=_take_values)
        right.number_input("Width", min_value=step / 100, step=step, format="%g", key=_WIDTH, on_change=_take_values)
    (low, high), (black, white) = tones.held, tones.shown
    st.caption(
        f"The picture holds values from {low:g} to {high:g}. Now {black:g} is black and {white:g} white."
        + (" They are the file's own, finer than 256." if tones.deep else "")
    )


def _set(kind: str, low: float = 0.0, high: float = 0.0) -> None:
    with suppress(ConfigError):  # what widgets send may come from anyone
        session.set_field("window", Window(kind, low, high))  # type: ignore[arg-type]


def _take_kind(tones: Tones) -> None:
    kind = st.session_state[_KIND]
    _set(kind, *{"percentiles": USUAL, "values": tones.shown}.get(kind, (0.0, 0.0)))


def _take_percentiles() -> None:
    _set("percentiles", *st.session_state[_PERCENTILES])


def _take_values() -> None:
    level, width = st.session_state[_LEVEL], st.session_state[_WIDTH]
    _set("values", level - width / 2, level + width / 2)
