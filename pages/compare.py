"""Compare: how several networks see one picture, and what a small attack does to each answer."""

import streamlit as st

from app import cache, state, views, widgets
from app.cache import ModelInput
from app.choice import Choice
from app.errors import guard
from core.attacks.pgd import Pgd
from core.data.tasks import task_named

PGD_STEPS = 20


def show_looks(choice: Choice, shown: ModelInput) -> None:
    """One column a network: its figures, its answer, its gradient map."""
    task = task_named(choice.task)
    st.header("What does each network answer, and which pixels move it?", anchor=False)
    with st.skeleton(height=420):
        looks = cache.predictions_of(task, choice.models, shown)
    cards = cache.cards_of(choice.task)
    views.looks(task, looks, [cards[key] for key in choice.models], widgets.map_form())
    views.look_guide()


@st.fragment
def show_attack(shown: ModelInput) -> None:
    """The slider, and one column a network: attacked picture, difference, new answer. The slider re-runs only this."""
    st.header("Which answers survive a small change of the picture?", anchor=False)
    widgets.attack_dial()
    choice = state.now()
    task = task_named(choice.task)
    attack = Pgd(choice.dial.epsilon(choice.strength), choice.norm, PGD_STEPS)
    with guard():
        with st.skeleton(height=320):
            results = cache.attack_results(task, choice.models, shown, attack)
        views.challenges(task, results)
        views.challenge_guide(choice.dial.text(choice.strength), PGD_STEPS)
    widgets.share()


def page() -> None:
    """Choose, run, show."""
    if not cache.zoo_tasks():
        views.no_zoo(cache.zoo_folder())
        return
    choice = state.start()
    widgets.side_panel()
    views.summary(task_named(choice.task), choice.models)
    views.notes(state.notes())
    with guard():
        shown = widgets.chosen_picture()
        show_looks(state.now(), shown)
        show_attack(shown)


views.style()
st.title("Do these networks see the same picture the same way?", anchor=False)
with guard():
    page()
