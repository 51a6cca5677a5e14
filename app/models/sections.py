"""The parts of the page Models, in the order in which they stand there."""

import streamlit as st

from app.models import perturbation as models_perturbation
from app.models import results, zoo_table
from app.models.choice import PerturbationChoice
from app.models.standings import cards_in_report, standings
from app.state import pictures, session
from app.state.errors import guard
from app.ui import controls
from core.data.tasks import task_named
from core.models.zoo import Card
from core.reports.robustness.report import Robustness


def show_robustness(report: Robustness | None, cards: list[Card]) -> None:
    """Curves, points and the table for one norm; what the papers claim; how sure and how steep the networks are."""
    choice = session.now()
    task, rows = task_named(choice.task), report.report.rows if report else ()
    keys = [card.key for card in cards_in_report(cards, rows)]
    standing = standings(cards, rows, choice.norm)
    st.header("How much does each withstand?", anchor=False)
    with st.columns([1, 1.6])[0]:
        controls.norm_picker()
    left, right = st.columns(2, gap="large")
    with left:
        if report and keys:
            zoo_table.curves(task, report, keys, choice.norm)
        else:
            zoo_table.no_report(task, stale=report is not None)
    with right:
        zoo_table.trade_off(standing)
    zoo_table.table(standing)
    zoo_table.table_guide()
    if report and keys:
        zoo_table.provenance(report)
    if claims := results.orderings(task.key):
        st.header("What the papers claim, and what came out here", anchor=False)
        zoo_table.claims(claims)
    if report and keys:
        st.header("How sure are they, and how steep?", anchor=False)
        zoo_table.distributions(report, keys)


@st.fragment
def show_perturbation(shown: pictures.ModelInput) -> None:
    """The controls and the steps of one perturbation; a move re-runs only this."""
    models_perturbation.controls()
    choice, chosen = session.now(), session.page_choice(PerturbationChoice)
    task = task_named(choice.task)
    with guard():
        made = results.perturbation_result(task, shown, choice.image, chosen)
        models_perturbation.steps(task, made, chosen)
        models_perturbation.steps_guide(task)
        st.subheader("How adversarial is it?", anchor=False)
        models_perturbation.harm(task, made, chosen)
    controls.share()
