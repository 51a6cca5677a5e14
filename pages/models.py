"""Models: how each network was trained, what that buys under attack, what it costs, and how one recipe works inside."""

import streamlit as st

from app.models import results, sections
from app.models.choice import PerturbationChoice
from app.state import session, zoo
from app.state.errors import guard
from app.ui import controls, elements
from core.data.tasks import task_named


def page() -> None:
    """Choose, run, show."""
    if not zoo.zoo_tasks():
        elements.no_zoo(zoo.zoo_folder())
        return
    choice = session.start("models", PerturbationChoice)
    controls.task_panel()
    task = task_named(choice.task)
    elements.summary(task)
    elements.notes(session.notes())
    cards, report = list(zoo.cards_of(task.key).values()), None
    with guard():
        report = results.robustness(task.key)
    with guard():
        sections.show_standings(report, cards)
        sections.show_robustness(report, cards)
    sections.show_perturbation()


elements.style()
st.title("What does each way of training buy, and what does it cost?", anchor=False)
with guard():
    page()
