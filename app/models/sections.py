"""The parts of the page Models, in the order in which they stand there."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from app.models import (
    answers,
    claims,
    network_cards,
    own_networks,
    published_networks,
    python_program,
    results,
    slides,
    zoo_table,
)
from app.models import perturbation as models_perturbation
from app.models.choice import PerturbationChoice
from app.models.standings import cards_in_report, standings
from app.state import session, zoo
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls, elements, picture_picker, presenter, python_code
from app.ui.downloads import downloads
from core.data.tasks import task_named
from core.models.published.entry import TASK
from core.models.zoo import Card
from core.reports.form.report import Row
from core.reports.robustness.report import Robustness
from core.text import escape_markdown


def show_damaged(task: str) -> None:
    """Which networks are passed over because their cards are damaged."""
    for sentence in zoo.damaged_cards(task):
        st.warning(escape_markdown(sentence), icon=":material/error:")


def show_standings(report: Robustness | None, cards: list[Card]) -> None:
    """Table and points for one norm, and the cards of the networks that are chosen in the table."""
    choice = session.now()
    rows = report.report.rows if report else ()
    standing = standings(cards, rows, choice.norm)
    with st.container(key="standings"):
        left, right = st.columns([1.5, 1], gap="small")
    with left:
        with st.container(width=420):
            controls.norm_picker()
        chosen = zoo_table.table(standing)
        st.caption("A head sorts. Choose rows to open their cards.")
    with right:
        zoo_table.trade_off(standing)
    if chosen:
        network_cards.show([cards[row] for row in chosen], rows, *_further(choice.task))
        network_cards.guide()
    zoo_table.table_guide()
    with st.container(horizontal=True):
        presenter.offer(partial(slides.slides, standing, choice.models, choice.norm))
        controls.share()
        python_code.show(python_program.standings(choice.task))


def show_robustness(report: Robustness | None, cards: list[Card]) -> None:
    """Curves for one norm; what the papers claim; how sure and how steep the networks are; every card."""
    choice = session.now()
    task, rows = task_named(choice.task), report.report.rows if report else ()
    keys = [card.key for card in cards_in_report(cards, rows)]
    if report and keys:
        place = elements.section("curves", "How much does each withstand?")
        if place.open:
            with place, guard():
                zoo_table.curves(task, report, keys, choice.norm)
                zoo_table.provenance(report)
                python_code.show(python_code.report(task.key, "robustness", Robustness, keys))
    else:
        zoo_table.no_report(task, stale=report is not None)
    if rows_of_claims := results.orderings(task.key):
        elements.folded(
            "claims",
            "What do the papers claim, and what came out here?",
            lambda: _claims(claims.show, rows_of_claims, python_program.claims(task.key)),
        )
    if over_seeds := results.seed_comparisons(task.key):
        program = python_program.claims_over_seeds(task.key)
        elements.folded(
            "seeds",
            "Does it hold for another training?",
            lambda: _claims(claims.show_over_seeds, over_seeds, program),
        )
    if report and keys:
        elements.folded("sure", "How sure are they, and how steep?", lambda: zoo_table.distributions(report, keys))
    place = elements.section("cards", "How was each trained?")
    if place.open:
        with place, guard():
            network_cards.show(cards, rows, *_further(choice.task))
            network_cards.guide()


def _further(task: str) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """The rows on areas and on students that cards show; none where a file is damaged, which is said."""
    areas: tuple[Row, ...] = ()
    students: tuple[Row, ...] = ()
    with guard():
        areas = results.areas(task)
    with guard():
        students = results.students(task)
    return areas, students


def _claims(show: Callable[[Sequence[Row]], None], rows: Sequence[Row], program: str) -> None:
    """A list of claims, and the program of what it rests on."""
    show(rows)
    python_code.show(program)


@st.fragment
def show_answers() -> None:
    """Answers by class and by confidence, counted here; a move re-runs only this."""
    place = elements.section("classes", "Which classes fall, and is it as sure as it is right?")
    if place.open:
        choice = session.now()
        with place, guard():
            answers.show(task_named(choice.task), choice.norm)
            controls.share("classes")


def show_perturbation() -> None:
    """How the perturbation of a picture is made; the picture is chosen here."""
    place = elements.section("perturbation", "How is a saliency perturbation made?")
    if place.open:
        with place, guard():
            shown = picture_picker.chosen_picture(elements.picture_strip("perturbed"), pin=False)
            show_steps(shown)


def show_own() -> None:
    """The visitor's own networks: add, try, remove."""
    elements.folded("own", "How do I add my own network?", own_networks.show)


def show_published(task: str) -> None:
    """Networks that others published, for the task that they solve."""
    if task == TASK:
        elements.folded("published", "Which published networks can I have by name?", published_networks.show)


@st.fragment
def show_steps(shown: ModelInput) -> None:
    """The controls and the steps of one perturbation; a move re-runs only this."""
    models_perturbation.controls()
    choice, chosen = session.now(), session.page_choice(PerturbationChoice)
    task = task_named(choice.task)
    with guard():
        made = results.perturbation_result(task, shown, choice.image, chosen)
        models_perturbation.steps(made, chosen)
        models_perturbation.steps_guide(task)
        st.subheader("How adversarial is it?", anchor=False)
        models_perturbation.harm(task, made, chosen)
        arrays = partial(models_perturbation.steps_npz, made)
        downloads(
            f"perturbation-{task.key}",
            ("All steps as PNG", "png", partial(models_perturbation.steps_png, made, chosen)),
            ("All steps as NPZ", "npz", arrays),
        )
    with st.container(horizontal=True):
        controls.share("perturbation")
        python_code.show(python_program.perturbation(choice, chosen, shown.label))
