"""Controls that pages share; each shows one field of the shared choice and changes it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.state import address, device, session
from app.state.choice import MOST_MODELS
from app.state.epsilon_scale import NORM_TITLES, dial
from app.state.names import model_name
from app.state.uploads import UPLOAD
from app.ui.qr import qr_html
from core.data.tasks import task_named


def pick(label: str, titles: Mapping[Any, str], place: Any = st, **how: Any) -> Any:
    """One of several, by its title; there is always one.

    Args:
        label: what is picked.
        titles: by value.
        place: where it stands.
        how: what else the widget takes, such as what `session.binding` gives.
    """
    return place.segmented_control(label, list(titles), format_func=titles.__getitem__, required=True, **how)


def task_panel() -> None:
    """The task alone, in the side panel."""
    _task()
    _device()


def _device() -> None:
    """Where this server computes."""
    st.sidebar.caption(device.in_words())


def _task() -> None:
    with st.sidebar:
        st.subheader("Robustscope")
        st.segmented_control(
            "Task",
            list(session.models()),
            format_func=lambda key: task_named(key).title,
            required=True,
            **session.binding("task", "side.task"),
        )


def model_panel() -> None:
    """Task and models, in the side panel."""
    choice = session.now()
    models = session.models()
    _task()
    with st.sidebar:
        st.multiselect(
            "Networks side by side",
            models[choice.task],
            format_func=model_name,
            max_selections=MOST_MODELS,
            help=f"One to {MOST_MODELS} networks trained for the task.",
            **session.binding("models", f"side.models.{choice.task}"),
        )
        if len(models[choice.task]) == 1:
            st.caption(f"There is one network of {task_named(choice.task).title} here, so none to compare it with.")
    _device()


def late_binding(field: str, key: str, value: Any, /, **default: Any) -> dict[str, Any]:
    """Like `session.binding`, for a widget that the browser makes after a later run, as in a popover that opens.

    What was set by then is forgotten there, a default is not.

    Args:
        field: that it changes.
        key: of the widget.
        value: what it shows.
        default: the widget's own argument that says so.
    """
    how = {"key": key, "on_change": lambda: session.set_field(field, st.session_state[key])}
    if st.session_state.get(key, value) == value:
        return how | default
    st.session_state[key] = value
    return how


def fit_picker() -> None:
    """How a picture is brought to the networks' shape."""
    choice = session.now()
    task = task_named(choice.task)
    height, width = task.shape[1:]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pick(
            "Fit it by",
            {"crop": "cropping", "letterbox": "letterboxing"},
            help=f"The networks take {width} × {height} pixels. Cropping keeps the middle, letterboxing all of it.",
            **late_binding("fit", "picker.fit", choice.fit, default=choice.fit),
        )
        if task.grey:
            st.toggle(
                "Swap light and dark",
                help="The garments in the training images are light on black: a picture on white needs swapping.",
                **late_binding("invert", "picker.invert", choice.invert, value=choice.invert),
            )


def norm_picker() -> None:
    """What the size of a change is measured by."""
    titles = {"linf": "L∞ · each pixel", "l2": "L2 · in total"}
    pick("Measure the change by", titles, width="stretch", **session.binding("norm", "attack.norm"))


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


def share(part: str = "page", instead: Mapping[str, str] | None = None) -> None:
    """The link to this view, ready to copy, and for others in the room with its QR code.

    Args:
        part: which part of the page it stands in; each has one.
        instead: query parameters that show something of a visitor's own picture: they are added where asked for.
    """
    place = st.popover("Copy a link to this view", icon=":material/link:", key=f"share.{part}", on_change="rerun")
    with place:
        own = session.now().image.startswith(UPLOAD)
        more: Mapping[str, str] = {}
        if own and instead and st.toggle("With what the generator makes of your picture", key=f"share.{part}.more"):
            more = instead
        link = session.link(more)
        st.code(link, language=None, wrap_lines=True)
        if not own:
            st.caption("It restores what is chosen on this page.")
        elif more:
            st.caption("Who opens it sees the generator's drawing of your picture, and moves it as you do.")
        else:
            st.caption(
                "It does not carry your own picture: who opens it sees this set-up with a photograph, and is told so."
            )
        if place.open:
            _for_the_room(link)


def _for_the_room(link: str) -> None:
    """The same link at an address that others can reach."""
    reached = address.room_link(link)
    st.markdown("**Show to the room**")
    st.html(f'<div class="rs-room">{qr_html(reached)}</div>')
    st.code(reached, language=None, wrap_lines=True)
    if address.answers_here_alone():
        st.caption(address.HERE_ALONE)
