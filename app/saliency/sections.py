"""The parts of the page Saliency, in the order in which they stand there."""

from functools import partial

import streamlit as st

from app.saliency import (
    agreement,
    contact_sheet,
    during_training,
    files,
    grid_page,
    measures,
    presenter,
    results,
    sanity_check,
)
from app.saliency import report as saliency_report
from app.saliency.choice import SaliencyChoice
from app.saliency.results import Measuring
from app.state import session
from app.state.choice import Choice
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls, downloads
from core.data.tasks import Task
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.reports.saliency.report import SaliencyReport


def show_parts(choice: Choice, measuring: Measuring) -> None:
    """The grid as it fills, and everything that is said about its maps."""
    part, question, task = session.page_choice(SaliencyChoice), measuring.question, measuring.question.task
    found = grid_page.fill(question, choice)
    grid_page.long_maps(question, choice.models, part.methods)
    grid_page.guide()
    grid_page.room()
    taken = st.container()
    report: SaliencyReport | None = None
    with guard():
        report = results.report(task.key)
    st.header("What does one map say?", anchor=False)
    with guard():
        grid_page.closer(measuring, found.get((part.seen, part.method)))
        st.header("The same method in another network", anchor=False)
        agreement.pair(choice.models, part, found)
    st.header("Do the maps agree?", anchor=False)
    with guard():
        agreement.agreement(choice.models, session.page_choice(SaliencyChoice), found, report)
    st.header("Which should I trust?", anchor=False)
    scores: results.Scores = {}
    with guard():
        scores = measures.measures(measuring, choice.models, found)
        part = session.page_choice(SaliencyChoice)
        measures.among(task.key, report, part, choice.models, scores)
    st.header("Is the gradient of a robust network more like the picture?", anchor=False)
    with guard():
        saliency_report.alignment_relation(report, results.robust(task.key, report) if report else {})
    st.header("Does the map depend on what was learnt?", anchor=False)
    with guard():
        sanity_check.sanity(question, part.method, sanity_check.models_with(part.method, found, choice.models))
    st.header("How did the map come about in training?", anchor=False)
    with guard():
        during_training.course(question, choice.models, part, ATTRIBUTION_METHODS[part.method])
    st.header("The same method on many pictures", anchor=False)
    with guard():
        contact_sheet.sheet(task, choice, part)
    with taken:
        title = grid_page.title(question, part)
        downloads.downloads(
            f"saliency-{task.key}",
            ("Grid as PNG, 300 dpi", "png", partial(files.grid_png, found, choice.models, part, title)),
            ("All maps as NPZ", "npz", partial(files.grid_npz, found, choice.models, part.methods)),
            ("Measures as CSV", "csv", partial(files.measures_csv, found, scores)),
            (
                "Report as HTML",
                "html",
                partial(files.report_html, found, choice.models, part, scores, title, session.link()),
            ),
        )
        controls.share()


@st.fragment
def show(task: Task, shown: ModelInput) -> None:
    """Everything below the picture; a change of it re-runs only this."""
    if session.page_choice(SaliencyChoice).view:
        st.rerun()  # to the presenter view, which has the page for itself
    st.header("What does each network look at?", anchor=False)
    grid_page.pickers(task, shown.label)
    choice = session.now()
    with guard():
        mask = results.inside(task, choice.image, choice.fit)
        show_parts(
            choice, Measuring(results.question_of(task, shown, session.page_choice(SaliencyChoice).target(task)), mask)
        )


def present(choice: Choice, task: Task, shown: ModelInput) -> None:
    """The presenter view."""
    part = session.page_choice(SaliencyChoice)
    question = results.question_of(task, shown, part.target(task))
    with st.spinner("Making the maps"):
        found = grid_page.ready(question, choice.models, part.methods)
    presenter.stage(task, choice.models, part, found)
