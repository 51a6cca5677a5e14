"""Models: how each network was trained, what that buys under attack, what it costs, and how one recipe works inside."""

import streamlit as st

from app import cache, model_cache, model_views, perturbation, perturbation_views, state, views, widgets
from app.errors import guard
from app.standings import measured, standings
from core.data.tasks import task_named
from core.models.zoo import Card
from core.reports.robustness import Robustness


def show_robustness(report: Robustness | None, cards: list[Card]) -> None:
    """Curves, points and the table for one norm; what the papers claim; how sure and how steep the networks are."""
    choice = state.now()
    task, rows = task_named(choice.task), report.report.rows if report else ()
    keys = [card.key for card in measured(cards, rows)]
    standing = standings(cards, rows, choice.norm)
    st.header("How much does each withstand?", anchor=False)
    with st.columns([1, 1.6])[0]:
        widgets.norm_picker()
    left, right = st.columns(2, gap="large")
    with left:
        if report and keys:
            model_views.curves(task, report, keys, choice.norm)
        else:
            model_views.not_measured(task, stale=report is not None)
    with right:
        model_views.trade_off(standing)
    model_views.table(standing)
    model_views.table_guide()
    if report and keys:
        model_views.provenance(report)
    if claims := model_cache.orderings(task.key):
        st.header("What the papers claim, and what came out here", anchor=False)
        model_views.claims(claims)
    if report and keys:
        st.header("How sure are they, and how steep?", anchor=False)
        model_views.distributions(report, keys)


@st.fragment
def show_perturbation(shown: cache.ModelInput) -> None:
    """The controls and the steps of one perturbation; a move re-runs only this."""
    perturbation_views.controls()
    choice, chosen = state.now(), state.page_choice()
    task = task_named(choice.task)
    with guard():
        made = model_cache.made(task, shown, choice.image, chosen)
        perturbation_views.steps(task, made, chosen)
        perturbation_views.steps_guide(task)
        st.subheader("How adversarial is it?", anchor=False)
        perturbation_views.harm(task, made, chosen)
    widgets.share()


def page() -> None:
    """Choose, run, show."""
    if not cache.zoo_tasks():
        views.no_zoo(cache.zoo_folder())
        return
    choice = state.start("models", perturbation.read)
    widgets.task_panel()
    task = task_named(choice.task)
    views.summary(task)
    views.notes(state.notes())
    cards, report = list(cache.cards_of(task.key).values()), None
    with guard():
        report = model_cache.robustness(task.key)
    model_views.cards(cards, report.report.rows if report else ())
    model_views.card_guide()
    with guard():
        show_robustness(report, cards)
    st.header("How is a saliency perturbation made?", anchor=False)
    with guard():
        shown = widgets.chosen_picture()
        show_perturbation(shown)


views.style()
st.title("What does each way of training buy, and what does it cost?", anchor=False)
with guard():
    page()
