"""Controls that pages share; each shows one field of the shared choice and changes it."""

import base64
import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.state import pictures, session
from app.state.choice import MOST_MODELS
from app.state.errors import guard
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.uploads import UPLOAD
from app.ui.elements import picture
from core.data.tasks import task_named
from core.images import MAX_BYTES

A_PAGE = 12  # gallery pictures shown at once

FILE_TYPES = ["png", "jpg", "jpeg", "jpe", "jfif", "jpg_large", "webp", "bmp", "tif", "tiff", "gif"]


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
    with st.sidebar:
        st.subheader("Robustscope")
        st.segmented_control(
            "Task",
            list(session.options().models),
            format_func=lambda key: task_named(key).title,
            required=True,
            **session.binding("task", "side.task"),
        )


def model_panel() -> None:
    """Task and models, in the side panel."""
    choice = session.now()
    task_panel()
    with st.sidebar:
        st.multiselect(
            "Networks side by side",
            session.options().models[choice.task],
            format_func=model_name,
            max_selections=MOST_MODELS,
            help=f"One to {MOST_MODELS} networks trained for the task.",
            **session.binding("models", f"side.models.{choice.task}"),
        )


def chosen_picture() -> ModelInput:
    """The picker, beside it the picture and what the networks see of it; returns that picture.

    Raises:
        InputError: it can't be used.
    """
    pick, see = st.columns([1, 1.15], gap="large")
    with pick:
        picture_picker()
    choice = session.now()  # the picker may just have taken a file
    shown = pictures.model_input(choice.task, choice.image, choice.fit, choice.invert)
    with see:
        picture(task_named(choice.task), shown)
    return shown


def picture_picker() -> None:
    """Choose the picture: gallery, file or camera. A file that can't be used leaves the choice as it was."""
    source = st.segmented_control(
        "Picture from",
        ["Gallery", "Upload", "Camera"],
        default="Gallery",
        required=True,
        key="picker.source",
        label_visibility="collapsed",
        width="stretch",
    )
    with guard():
        if source == "Gallery":
            _gallery()
        elif source == "Upload":
            limit = MAX_BYTES // 1_000_000
            file = st.file_uploader(
                "PNG, JPEG, WebP, BMP, TIFF or GIF", FILE_TYPES, key="picker.upload", max_upload_size=limit
            )
            _take(file.getvalue() if file else None)
        else:
            photo = st.camera_input("Take a photo", key="picker.camera")
            _take(photo.getvalue() if photo else None)
    fit_picker()


def fit_picker() -> None:
    """How a picture is brought to the networks' shape."""
    task = task_named(session.now().task)
    height, width = task.shape[1:]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pick(
            "Fit it by",
            {"crop": "cropping", "letterbox": "letterboxing"},
            help=f"The networks take {width} × {height} pixels. Cropping keeps the middle, letterboxing all of it.",
            **session.binding("fit", "picker.fit"),
        )
        if task.grey:
            st.toggle(
                "Swap light and dark",
                help="The garments in the training images are light on black: a picture on white needs swapping.",
                **session.binding("invert", "picker.invert"),
            )


def _take(data: bytes | None) -> None:
    """Choose an uploaded picture once: a file that stays in its box must not win over a later gallery choice."""
    if data is None:
        st.session_state.pop("picker.taken", None)
        return
    key = pictures.keep_upload(data)
    if st.session_state.get("picker.taken") != key:
        st.session_state["picker.taken"] = key
        session.set_field("image", key)


def _gallery() -> None:
    choice = session.now()
    items = list(pictures.items(choice.task).values())
    pages = -(-len(items) // A_PAGE)
    place = st.container(horizontal=True, gap="small")
    page = st.pagination(pages, key=f"picker.page.{choice.task}") if pages > 1 else 1
    rules = []
    for item in items[(page - 1) * A_PAGE : page * A_PAGE]:
        key = "pick-" + re.sub(r"[^a-z0-9]+", "-", item.key)
        png = base64.b64encode(pictures.thumbnail(choice.task, item.key)).decode()
        ring = "box-shadow: 0 0 0 3px var(--rs-ring);" if item.key == choice.image else ""
        rules.append(f".st-key-{key} button {{ background-image: url(data:image/png;base64,{png}); {ring} }}")
        place.button(item.title, key=key, on_click=session.set_field, args=("image", item.key))
    ring_colour = st.get_option("theme.light.primaryColor") or "#0B6A70"
    st.html(f"<style>:root {{ --rs-ring: {ring_colour}; }} {' '.join(rules)}</style>")


def norm_picker() -> None:
    """What the size of a change is measured by."""
    titles = {"linf": "L∞ · each pixel", "l2": "L2 · in total"}
    pick("Measure the change by", titles, width="stretch", **session.binding("norm", "attack.norm"))


def share() -> None:
    """The link to this view, ready to copy."""
    with st.popover("Copy a link to this view", icon=":material/link:"):
        st.code(session.link(), language=None, wrap_lines=True)
        if session.now().image.startswith(UPLOAD):
            st.caption(
                "A link can't carry your own picture: who opens it sees this set-up with a photograph, and is told so."
            )
        else:
            st.caption("It restores what is chosen on this page.")
