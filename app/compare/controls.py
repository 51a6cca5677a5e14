"""The controls of the Compare page: the form of the maps and the strength of the attack."""

from dataclasses import dataclass

import streamlit as st

from app.state import session
from app.state.epsilon_scale import NORM_TITLES, dial
from app.ui.controls import model_panel, norm_picker, pick
from core.data.tasks import task_named


@dataclass(frozen=True, slots=True)
class MapForm:
    """How gradient maps are drawn.

    Attributes:
        over: over the grey picture, or alone.
        opacity: of the strongest values of a map over the picture, in [0, 1].
        shared: one scale for all maps side by side, or one for each.
    """

    over: bool = False
    opacity: float = 0.8
    shared: bool = True


_FORM, _OPACITY, _SCALE = "side.map", "side.opacity", "side.scale"


def side_panel() -> None:
    """Task, models and the form of the maps, in the side panel."""
    model_panel()
    with st.sidebar:
        pick(
            "Gradient maps",
            {"alone": "alone", "overlay": "over the picture"},
            default="alone",
            key=_FORM,
            persist_state="session",
        )
        if st.session_state[_FORM] == "overlay":
            st.slider("Opacity of the map", 10, 100, 80, step=10, format="%d %%", key=_OPACITY, persist_state="session")
        pick(
            "Colour scale of the maps",
            {"shared": "shared", "own": "each its own"},
            default="shared",
            help="Shared: strengths compare. Each its own: the shape of a weak map shows.",
            key=_SCALE,
            persist_state="session",
        )


def map_form() -> MapForm:
    """How gradient maps are shown, as set in the side panel."""
    opacity = min(max(st.session_state.get(_OPACITY, 80), 0), 100) / 100
    return MapForm(st.session_state.get(_FORM) == "overlay", opacity, st.session_state.get(_SCALE) != "own")


def attack_dial() -> None:
    """Norm and strength of the attack."""
    choice = session.now()
    left, right = st.columns([1, 2.4], gap="medium", vertical_alignment="bottom")
    with left:
        norm_picker()
    scale = dial(task_named(choice.task), choice.norm)
    whole = choice.norm == "linf"
    right.slider(
        f"Largest change, ε ({NORM_TITLES[choice.norm]})",
        0 if whole else 0.0,
        int(scale.top) if whole else scale.top,
        step=int(scale.step) if whole else scale.step,
        format="%d/255" if whole else "%.2f",
        **session.binding("strength", f"attack.strength.{choice.task}.{choice.norm}"),
    )
