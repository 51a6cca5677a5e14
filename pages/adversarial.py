"""Adversarial: what each network would change in a picture to believe another class, and what that says of it."""

import streamlit as st

from app.adversarial import sections
from app.adversarial.choice import AdversarialChoice
from app.state import session, zoo
from app.state.errors import guard
from app.ui import controls, elements
from core.data.tasks import task_named


def page() -> None:
    """Choose, run, show."""
    if not zoo.zoo_tasks():
        elements.no_zoo(zoo.zoo_folder())
        return
    choice = session.start("adversarial", AdversarialChoice)
    controls.model_panel()
    task = task_named(choice.task)
    elements.summary(task, choice.models)
    elements.notes(session.notes())
    with guard():
        shown = controls.chosen_picture()
        sections.show_explanations(shown)
        sections.show_survival(session.now())
        sections.show_transfer(shown)
        sections.show_fooling(shown)


elements.style()
st.title("What would each network change to believe another class?", anchor=False)
with guard():
    page()
