"""The parts of the page Saliency, in the order in which they stand there."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from app.saliency import (
    agreement,
    contact_sheet,
    during_training,
    files,
    grid_page,
    measures,
    point,
    python_program,
    results,
    sanity_check,
    slides,
)
from app.saliency import report as saliency_report
from app.saliency.choice import SaliencyChoice
from app.saliency.layer_picker import layer_picker
from app.saliency.results import Cell, Measuring, Question
from app.state import session, zoo
from app.state.choice import Choice
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.state.region_answers import fill_key
from app.ui import controls, downloads, elements, presenter, python_code
from app.ui.region_pointer import pointed
from core.data.tasks import Task
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.reports.saliency.report import SaliencyReport
from core.saliency.grid import SaliencyMap


def show_parts(choice: Choice, measuring: Measuring) -> None:
    """The grid as it fills, and what is said about its maps in the parts that are unfolded."""
    part, question, task = session.page_choice(SaliencyChoice), measuring.question, measuring.question.task
    found = grid_page.fill(question, choice)
    with st.popover("Methods, and what is explained", icon=":material/tune:"):
        grid_page.pickers(task, question.shown.label)
        layer_picker(task)
    grid_page.long_maps(question, choice.models, part.methods)
    taken = st.container()
    grid_page.guide()
    _present(task, choice, found)
    report: SaliencyReport | None = None
    with guard():
        report = results.report(task.key)
    pointed(
        "What lies in a region, and does the answer hang on it?", lambda: point.point(choice, question, found),
        question.task.shape,
    )  # fmt: skip
    _of_one_map(choice, measuring, found)
    elements.folded(
        "maps",
        "Do the maps agree?",
        lambda: _agreement(choice, question, found, report),
    )
    scores: results.Scores = {}
    place = elements.section("trust", "Which should I trust?")
    if place.open:
        with place, guard():
            scores = measures.measures(measuring, choice.models, found)
            part = session.page_choice(SaliencyChoice)
            measures.among(task.key, report, part, choice.models, scores)
            python_code.show(_maps(choice, question) + python_program.measures(choice, part))
    elements.folded(
        "alike",
        "Is the gradient of a robust network more like the picture?",
        lambda: _alike(choice, report),
    )
    _of_a_method(choice, question, found)
    with taken:
        _take_away(choice, question, found, scores)


def _maps(choice: Choice, question: Question, *methods: str) -> str:
    """The program of the view's maps, or of some methods'."""
    part = session.page_choice(SaliencyChoice)
    return python_program.maps(choice, part, question.shown.label, methods)


def _agreement(
    choice: Choice, question: Question, found: Mapping[Cell, SaliencyMap], report: SaliencyReport | None
) -> None:
    """How much maps agree, here or over the report's pictures."""
    agreement.agreement(choice.models, session.page_choice(SaliencyChoice), found, report)
    part = session.page_choice(SaliencyChoice)
    if part.agreed and report is not None:
        python_code.show(python_program.agreement_of_report(choice, part))
    elif not part.agreed:
        python_code.show(_maps(choice, question) + python_program.agreement(part))


def _alike(choice: Choice, report: SaliencyReport | None) -> None:
    """Whether alignment goes with robustness."""
    known = results.robust(choice.task, report) if report else {}
    saliency_report.alignment_relation(report, known)
    if report is not None:
        python_code.show(python_program.alignment(choice.task))


def _sanity(choice: Choice, question: Question, found: Mapping[Cell, SaliencyMap]) -> None:
    """What the method's maps become while the networks lose their weights."""
    part = session.page_choice(SaliencyChoice)
    sanity_check.sanity(question, part.method, sanity_check.models_with(part.method, found, choice.models))
    python_code.show(_maps(choice, question, part.method) + python_program.sanity(part))


def _during_training(choice: Choice, question: Question) -> None:
    """How the method's map came about."""
    part = session.page_choice(SaliencyChoice)
    during_training.course(question, choice.models, part, ATTRIBUTION_METHODS[part.method])
    for late in during_training.pairs_of(choice.models, zoo.cards_of(choice.task)):
        pair = (during_training.EARLIER[late], late)
        python_code.show(python_program.during_training(choice, part, pair, question.shown.label))


def _sheet(task: Task, choice: Choice) -> None:
    """The method on several pictures."""
    contact_sheet.sheet(task, choice, session.page_choice(SaliencyChoice))
    part = session.page_choice(SaliencyChoice)
    if part.sheet:
        python_code.show(python_program.contact_sheet(choice, part))


def _of_one_map(choice: Choice, measuring: Measuring, found: Mapping[Cell, SaliencyMap]) -> None:
    """The map that is looked at, alone and beside another network's."""
    part = session.page_choice(SaliencyChoice)
    label = measuring.question.shown.label

    def closer() -> None:
        one = found.get((part.seen, part.method))
        grid_page.closer(measuring, one)
        if one is not None and not one.problem:
            python_code.show(python_program.closer(choice, part, label, grid_page.QUICK_MEASURES))

    def pair() -> None:
        if agreement.pair(choice.models, part, found):
            python_code.show(python_program.pair(choice, part, label))

    elements.folded("closer", "What does one map say?", closer)
    elements.folded("pair", "How does the same method look in another network?", pair)


def _of_a_method(choice: Choice, question: Question, found: Mapping[Cell, SaliencyMap]) -> None:
    """What is known of the chosen method: sanity, training, many pictures."""
    elements.folded(
        "sanity",
        "Does the map depend on what was learnt?",
        lambda: _sanity(choice, question, found),
    )
    elements.folded(
        "training",
        "How did the map come about in training?",
        lambda: _during_training(choice, question),
    )
    elements.folded("sheet", "What does the method show on many pictures?", lambda: _sheet(question.task, choice))


def _take_away(choice: Choice, question: Question, found: Mapping[Cell, SaliencyMap], scores: results.Scores) -> None:
    """Files, the link, and the ways to show the grid to a room."""
    part = session.page_choice(SaliencyChoice)
    title, link = grid_page.title(question, part), session.link()
    downloads.downloads(
        f"saliency-{question.task.key}",
        ("Grid as PNG, 300 dpi", "png", partial(files.grid_png, found, choice.models, part, title, choice.box)),
        ("All maps as NPZ", "npz", partial(files.grid_npz, found, choice.models, part.methods)),
        ("Measures as CSV", "csv", partial(files.measures_csv, found, scores)),
        (
            "Report as HTML",
            "html",
            partial(files.report_html, found, choice.models, part, scores, title, link),
        ),
    )
    with st.container(horizontal=True):
        grid_page.room_buttons()
        controls.share()
        asked = part.target(question.task), question.shown.label, results.SEED
        names, pointed = [*python_code.FOR_MAPS], ""
        if choice.box is not None:
            names += python_code.FOR_REGIONS
            pointed = python_code.region(choice, choice.box, fill_key(choice), python_code.OF_MAPS)
        made = python_code.maps(part.methods, *asked, part.layer, results.precision_of(part))
        python_code.show(python_code.picture_and_networks(choice, names) + made + pointed)


@st.fragment
def show(task: Task, shown: ModelInput) -> None:
    """Everything below the picture; a change of it re-runs only this."""
    choice = session.now()
    with guard():
        mask, part = results.inside(task, choice.image, choice.fit), session.page_choice(SaliencyChoice)
        show_parts(choice, Measuring(results.question_of(task, shown, part), mask))


def _present(task: Task, choice: Choice, found: Mapping[Cell, SaliencyMap]) -> None:
    """The presenter, where the link or a button asks for it; it starts at the map that is looked at."""
    part = session.page_choice(SaliencyChoice)
    if part.view:
        made = slides.slides(task, choice.models, part, found)
        presenter.present(made, _leave, (part.method, part.seen), guess=part.view == "guess")


def _leave() -> None:
    """Back to the page, to the map that was shown last."""
    method, model = presenter.left_at()
    session.set_fields({"view": "", "map": (model, method)})
