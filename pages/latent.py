"""Latent: natural changes of a picture, made by a generative model, and where each network changes its mind."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.latent import choice as latent_choice
from app.latent import explorer, report, results, search, search_films, strips
from app.latent import files as latent_files
from app.latent.results import LatentPosition
from app.state import session, zoo
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls, downloads, elements, task_progress
from core.data.tasks import Task, task_named


@st.fragment
def explore(task: Task, shown: ModelInput) -> None:
    """Everything that follows from where the sliders stand; a move re-runs only this."""
    with guard():
        show_parts(task, shown)


def show_parts(task: Task, shown: ModelInput) -> None:
    """Picture and answers first, then the ribbons as they are made, then what else is around the code."""
    choice = session.now()
    start = explorer.start_of(task, shown, session.page_choice())
    explorer.keep_upload_in_link(task, start)
    place = explorer.place_of(task, start, session.page_choice())
    explorer.start_controls(task, start, shown.label)
    see, move = st.columns([1, 1.9], gap="large")
    with see, guard():
        strip = results.row_at(place, choice.models)
        explorer.now(task, start, place, strip, choice.models)
    with move, guard():
        explorer.mini(task, strip, choice.models)
        explorer.slider_controls(task, place)
        explorer.sliders(task, place, choice.models)
    explorer.guide(task)
    with st.container(horizontal=True):
        files = partial(latent_files.explorer_npz, place, choice.models)
        downloads.downloads(f"latent-{task.key}", ("Picture, code and ribbons as NPZ", "npz", files))
        controls.share()
    st.header("One slider, without waiting", anchor=False)
    with guard():
        strips.scrub(task, place, choice.models, session.page_choice())
    st.header("What is the smallest change that fools each network?", anchor=False)
    with guard():
        fool(task, place, choice.models)
    st.header("Do the answers hold for its neighbours?", anchor=False)
    with guard():
        strips.neighbours(task, place, choice.models, session.page_choice())
    st.header("What if the same code were another class?", anchor=False)
    with guard():
        strips.every_class(task, place, choice.models)
    st.header("From this picture to another", anchor=False)
    with guard():
        strips.interpolation(task, shown, place, choice.models, session.page_choice())


def fool(task: Task, place: LatentPosition, models: Sequence[str]) -> None:
    """The search for the smallest change; the work runs beside the page."""
    search.controls()
    centre = session.page_choice().centre
    work = task_progress.watch(search.offered(place, models, centre))
    if work is not None:
        search_films.films(task, work.result, centre)
        search_films.guide()
        downloads.downloads(
            f"fooled-{task.key}",
            ("Film strips as PNG", "png", partial(latent_files.films_png, task, work.result)),
            ("All arrays as NPZ", "npz", partial(latent_files.fooled_npz, work.result)),
        )


@st.fragment
def show_report(task: Task) -> None:
    """The metrics over the zoo; a change of what is shown re-runs only this."""
    st.header("Does latent robustness follow accuracy, or robustness?", anchor=False)
    with guard():
        found, readings = results.report(task.key), results.readings(task.key)
        report.report(task, found, readings, zoo.cards_of(task.key), session.now().models)


def page() -> None:
    """Choose, run, show."""
    if not zoo.zoo_tasks():
        elements.no_zoo(zoo.zoo_folder())
        return
    choice = session.start("latent", latent_choice.read)
    controls.model_panel()
    task = task_named(choice.task)
    elements.summary(task, choice.models)
    elements.notes(session.notes())
    with guard():
        shown = controls.chosen_picture()
        st.header("Where does each network change its mind?", anchor=False)
        if results.has_generator(task.key):
            explore(task, shown)
            show_report(task)
        else:
            explorer.no_generator(task)


elements.style()
st.html(elements.STYLE.with_name("latent.css"))
st.title("How far can a picture change naturally before a network changes its mind?", anchor=False)
with guard():
    page()
