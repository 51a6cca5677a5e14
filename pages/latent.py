"""Latent: natural changes of a picture, made by a generative model, and where each network changes its mind."""

import streamlit as st

from app.latent import explorer, generators, sections
from app.latent.choice import LatentChoice
from app.state import session, zoo
from app.state.errors import guard
from app.ui import controls, elements, picture_picker
from core.data.tasks import task_named


def page(head: elements.Head) -> None:
    """Choose, run, show."""
    if not zoo.zoo_tasks():
        elements.no_zoo(zoo.zoo_folder())
        return
    choice = session.start("latent", LatentChoice)
    controls.model_panel()
    task = task_named(choice.task)
    elements.summary(task, choice.models)
    elements.notes(session.notes())
    with guard():
        shown = picture_picker.chosen_picture(head, pin=False)
        if generators.has_generator(task.key):
            sections.explore(task, shown)
            sections.show_report(task)
        else:
            explorer.no_generator(task)


elements.style()
st.html(elements.STYLE.with_name("latent.css"))
top = elements.head("How far can a picture change naturally before a network changes its mind?")
with guard():
    page(top)
