"""The parts of the page Compare, in the order in which they stand there."""

import streamlit as st

from app.compare import columns, controls, results
from app.compare.choice import CompareChoice
from app.state import predictions, session, zoo
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui.controls import share
from core.attacks.pgd import Pgd
from core.data.tasks import task_named

PGD_STEPS = 20


@st.fragment
def show_looks(shown: ModelInput) -> None:
    """One column a network: its answer, its gradient map, its figures; another form of the maps re-runs only this."""
    choice = session.now()
    task = task_named(choice.task)
    with guard():
        with st.skeleton(height=420):
            looks = predictions.predictions_of(task, choice.models, shown)
        cards = zoo.cards_of(choice.task)
        columns.looks(task, looks, [cards[key] for key in choice.models], session.page_choice(CompareChoice))
        controls.map_form()
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
            found = results.attack_results(task, choice.models, shown, attack)
        columns.challenges(task, found)
        columns.challenge_guide(choice.dial.text(choice.strength), PGD_STEPS)
    share()
