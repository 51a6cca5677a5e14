"""Latent: natural changes of a picture, by a generative model or without one, and where each network turns."""

import streamlit as st

from app.latent import sections
from app.latent.choice import LatentChoice
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import elements, page, picture_picker
from core.data.tasks import task_named


def draw(choice: Choice, head: elements.Head) -> None:
    """Choose, run, show."""
    st.html(elements.STYLE.with_name("latent.css"))
    page.head(choice)
    task = task_named(choice.task)
    with guard():
        shown = picture_picker.chosen_picture(head, pin=False)
        sections.show(task, shown, sections.view_of(task))


page.show_picture(
    "How far can a picture change naturally before a network changes its mind?", draw, "latent", LatentChoice
)
