"""Models: how each network was trained, what that buys under attack, what it costs, and how one recipe works inside."""

import streamlit as st

from app.models import results, sections, zoo_table
from app.models.choice import PerturbationChoice
from app.state import zoo
from app.state.choice import Choice
from app.state.errors import guard
from app.ui import controls, page


def draw(choice: Choice) -> None:
    """Choose, run, show."""
    page.head(choice, controls.task_panel, several=False)
    cards, report = list(zoo.cards_of(choice.task).values()), None
    with guard():
        report = results.robustness(choice.task)
    zoo_table.cards(cards, report.report.rows if report else ())
    zoo_table.card_guide()
    with guard():
        sections.show_robustness(report, cards)
    st.header("How is a saliency perturbation made?", anchor=False)
    with guard():
        shown = controls.chosen_picture()
        sections.show_perturbation(shown)


page.show_choice("What does each way of training buy, and what does it cost?", draw, "models", PerturbationChoice)
