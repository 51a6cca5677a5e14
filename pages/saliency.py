"""Saliency: the maps of many methods for several networks side by side, and measures that say which to trust."""

from functools import partial

import streamlit as st

from app import (
    cache,
    saliency_cache,
    saliency_choice,
    saliency_compare,
    saliency_sanity,
    saliency_sheet,
    saliency_stage,
    saliency_training,
    saliency_trust,
    saliency_views,
    saliency_zoo,
    state,
    views,
    widgets,
)
from app import saliency_files as files
from app.cache import ModelInput
from app.choice import Choice
from app.errors import guard
from app.saliency_cache import Measuring
from core.data.tasks import Task, task_named
from core.explanations.methods import ATTRIBUTION_METHODS
from core.reports.saliency import SaliencyReport


def show_parts(choice: Choice, measuring: Measuring) -> None:
    """The grid as it fills, and everything that is said about its maps."""
    part, question, task = state.page_choice(), measuring.question, measuring.question.task
    found = saliency_views.fill(question, choice)
    saliency_views.long_maps(question, choice.models, part.methods)
    saliency_views.guide()
    saliency_views.room()
    taken = st.container()
    report: SaliencyReport | None = None
    with guard():
        report = saliency_cache.report(task.key)
    st.header("What does one map say?", anchor=False)
    with guard():
        saliency_views.closer(measuring, found.get((part.seen, part.method)))
        st.header("The same method in another network", anchor=False)
        saliency_compare.pair(choice.models, part, found)
    st.header("Do the maps agree?", anchor=False)
    with guard():
        saliency_compare.agreement(choice.models, state.page_choice(), found, report)
    st.header("Which should I trust?", anchor=False)
    scores: saliency_cache.Scores = {}
    with guard():
        scores = saliency_trust.measures(measuring, choice.models, found)
        part = state.page_choice()
        saliency_trust.among(task.key, report, part, choice.models, scores)
    st.header("Is the gradient of a robust network more like the picture?", anchor=False)
    with guard():
        saliency_zoo.related(report, saliency_cache.robust(task.key, report) if report else {})
    st.header("Does the map depend on what was learnt?", anchor=False)
    with guard():
        saliency_sanity.sanity(question, part.method, saliency_sanity.models_with(part.method, found, choice.models))
    st.header("How did the map come about in training?", anchor=False)
    with guard():
        saliency_training.course(question, choice.models, part, ATTRIBUTION_METHODS[part.method])
    st.header("The same method on many pictures", anchor=False)
    with guard():
        saliency_sheet.sheet(task, choice, part)
    with taken:
        title = saliency_views.title(question, part)
        saliency_views.downloads(
            f"saliency-{task.key}",
            ("Grid as PNG, 300 dpi", "png", partial(files.grid_png, found, choice.models, part, title)),
            ("All maps as NPZ", "npz", partial(files.grid_npz, found, choice.models, part.methods)),
            ("Measures as CSV", "csv", partial(files.measures_csv, found, scores)),
            (
                "Report as HTML",
                "html",
                partial(files.report_html, found, choice.models, part, scores, title, state.link()),
            ),
        )
        widgets.share()


@st.fragment
def show(task: Task, shown: ModelInput) -> None:
    """Everything below the picture; a change of it re-runs only this."""
    if state.page_choice().view:
        st.rerun()  # to the presenter view, which has the page for itself
    st.header("What does each network look at?", anchor=False)
    saliency_views.pickers(task, shown.label)
    choice = state.now()
    with guard():
        mask = saliency_cache.inside(task, choice.image, choice.fit)
        show_parts(choice, Measuring(saliency_cache.question_of(task, shown, state.page_choice().target(task)), mask))


def present(choice: Choice, task: Task, shown: ModelInput) -> None:
    """The presenter view."""
    part = state.page_choice()
    question = saliency_cache.question_of(task, shown, part.target(task))
    with st.spinner("Making the maps"):
        found = saliency_views.ready(question, choice.models, part.methods)
    saliency_stage.stage(task, choice.models, part, found)


def page() -> None:
    """Choose, run, show."""
    if not cache.zoo_tasks():
        views.no_zoo(cache.zoo_folder())
        return
    choice = state.start("saliency", saliency_choice.read)
    task = task_named(choice.task)
    if state.page_choice().view:
        with guard():
            present(choice, task, cache.model_input(choice.task, choice.image, choice.fit, choice.invert))
        return
    widgets.model_panel()
    saliency_views.form_picker()
    views.summary(task, choice.models)
    views.notes(state.notes())
    with guard():
        shown = widgets.chosen_picture()
        show(task, shown)


views.style()
st.title("Which pixels matter to each network, and which map can you trust?", anchor=False)
with guard():
    page()
