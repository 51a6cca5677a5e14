"""Saliency: the maps of many methods for several networks side by side, and measures that say which to trust."""

from functools import partial

import streamlit as st

from app import cache, saliency_choice, saliency_views, state, views, widgets
from app import saliency_files as files
from app.choice import Choice
from app.errors import guard
from app.saliency_cache import Question
from core.data.tasks import task_named


def show_grid(choice: Choice, question: Question) -> None:
    """The grid as it fills, the map that is looked at, and the files."""
    part = state.part()
    found = saliency_views.fill(question, choice)
    saliency_views.long_maps(question, choice.models, part.methods)
    saliency_views.guide()
    title = saliency_views.title(question, part)
    saliency_views.downloads(
        f"saliency-{question.task.key}",
        ("Grid as PNG, 300 dpi", "png", partial(files.grid_png, found, choice.models, part, title)),
        ("All maps as NPZ", "npz", partial(files.grid_npz, found, choice.models, part.methods)),
    )
    widgets.share()
    st.header("What does one map say?", anchor=False)
    one = found.get((part.seen, part.method))
    if one is not None:
        saliency_views.closer(question, one, choice.image, choice.fit)


@st.fragment
def show(question: Question) -> None:
    """Everything below the picture; a change of it re-runs only this."""
    st.header("What does each network look at?", anchor=False)
    saliency_views.pickers(question.task, question.shown.label)
    choice = state.now()
    with guard():
        show_grid(choice, Question(question.task, question.shown, state.part().target(question.task)))


def page() -> None:
    """Choose, run, show."""
    if not cache.zoo_tasks():
        views.no_zoo(cache.zoo_folder())
        return
    choice = state.start("saliency", saliency_choice.read)
    widgets.model_panel()
    saliency_views.form_picker()
    task = task_named(choice.task)
    views.summary(task, choice.models)
    views.notes(state.notes())
    pick, see = st.columns([1, 1.15], gap="large")
    with pick:
        widgets.picture_picker()
    choice = state.now()  # the picker may just have taken a file
    with guard():
        shown = cache.fitted(choice.task, choice.image, choice.fit, choice.invert)
        with see:
            views.picture(task, shown)
        show(Question(task, shown, state.part().target(task)))


views.style()
st.title("Which pixels matter to each network, and which map can you trust?", anchor=False)
with guard():
    page()
