"""Compare: how several networks see one picture, and what a small attack does to each answer."""

import streamlit as st

from app.compare import columns, controls
from app.compare import results as compare_results
from app.state import predictions, session, zoo
from app.state.choice import Choice
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls as shared_controls
from app.ui import page
from core.attacks.pgd import Pgd
from core.data.tasks import task_named

PGD_STEPS = 20


def show_looks(choice: Choice, shown: ModelInput) -> None:
    """One column a network: its figures, its answer, its gradient map."""
    task = task_named(choice.task)
    st.header("What does each network answer, and which pixels move it?", anchor=False)
    with st.skeleton(height=420):
        looks = predictions.predictions_of(task, choice.models, shown)
    cards = zoo.cards_of(choice.task)
    columns.looks(task, looks, [cards[key] for key in choice.models], controls.map_form())
    columns.look_guide()


@st.fragment
def show_attack(shown: ModelInput) -> None:
    """The slider, and one column a network: attacked picture, difference, new answer. The slider re-runs only this."""
    st.header("Which answers survive a small change of the picture?", anchor=False)
    controls.attack_dial()
    choice = session.now()
    task = task_named(choice.task)
    attack = Pgd(choice.dial.epsilon(choice.strength), choice.norm, PGD_STEPS)
    with guard():
        with st.skeleton(height=320):
            results = compare_results.attack_results(task, choice.models, shown, attack)
        columns.challenges(task, results)
        columns.challenge_guide(choice.dial.text(choice.strength), PGD_STEPS)
    shared_controls.share()


def draw(choice: Choice) -> None:
    """Choose, run, show."""
    page.head(choice, controls.side_panel)
    with guard():
        shown = shared_controls.chosen_picture()
        show_looks(session.now(), shown)
        show_attack(shown)


page.show_choice("Do these networks see the same picture the same way?", draw)
