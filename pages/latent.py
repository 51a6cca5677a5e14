"""Latent: natural changes of a picture, made by a generative model, and where each network changes its mind."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app import (
    cache,
    latent_cache,
    latent_choice,
    latent_explorer,
    latent_files,
    latent_films,
    latent_fool,
    latent_report,
    latent_strips,
    state,
    views,
    widgets,
)
from app.adversarial_views import downloads
from app.cache import ModelInput
from app.errors import guard
from app.latent_cache import LatentPosition
from core.data.tasks import Task, task_named


@st.fragment
def explore(task: Task, shown: ModelInput) -> None:
    """Everything that follows from where the sliders stand; a move re-runs only this."""
    with guard():
        show_parts(task, shown)


def show_parts(task: Task, shown: ModelInput) -> None:
    """Picture and answers first, then the ribbons as they are made, then what else is around the code."""
    choice = state.now()
    start = latent_explorer.start_of(task, shown, state.page_choice())
    latent_explorer.keep_upload_in_link(task, start)
    place = latent_explorer.place_of(task, start, state.page_choice())
    latent_explorer.start_controls(task, start, shown.label)
    see, move = st.columns([1, 1.9], gap="large")
    with see, guard():
        strip = latent_cache.row_at(place, choice.models)
        latent_explorer.now(task, start, place, strip, choice.models)
    with move, guard():
        latent_explorer.mini(task, strip, choice.models)
        latent_explorer.slider_controls(task, place)
        latent_explorer.sliders(task, place, choice.models)
    latent_explorer.guide(task)
    with st.container(horizontal=True):
        files = partial(latent_files.explorer_npz, place, choice.models)
        downloads(f"latent-{task.key}", ("Picture, code and ribbons as NPZ", "npz", files))
        widgets.share()
    st.header("One slider, without waiting", anchor=False)
    with guard():
        latent_strips.scrub(task, place, choice.models, state.page_choice())
    st.header("What is the smallest change that fools each network?", anchor=False)
    with guard():
        fool(task, place, choice.models)
    st.header("Do the answers hold for its neighbours?", anchor=False)
    with guard():
        latent_strips.neighbours(task, place, choice.models, state.page_choice())
    st.header("What if the same code were another class?", anchor=False)
    with guard():
        latent_strips.every_class(task, place, choice.models)
    st.header("From this picture to another", anchor=False)
    with guard():
        latent_strips.interpolation(task, shown, place, choice.models, state.page_choice())


def fool(task: Task, place: LatentPosition, models: Sequence[str]) -> None:
    """The search for the smallest change; the work runs beside the page."""
    latent_fool.controls()
    centre = state.page_choice().centre
    work = latent_fool.work_of(place, models, centre)
    if work is None or work.state in ("stopped", "failed"):
        latent_fool.invite(work)
    elif work.active:
        st.fragment(latent_fool.watch, run_every=0.4)(work)
    else:
        latent_films.films(task, work.result, centre)
        latent_films.guide()
        downloads(
            f"fooled-{task.key}",
            ("Film strips as PNG", "png", partial(latent_files.films_png, task, work.result)),
            ("All arrays as NPZ", "npz", partial(latent_files.fooled_npz, work.result)),
        )


@st.fragment
def show_report(task: Task) -> None:
    """The metrics over the zoo; a change of what is shown re-runs only this."""
    st.header("Does latent robustness follow accuracy, or robustness?", anchor=False)
    with guard():
        found, readings = latent_cache.report(task.key), latent_cache.readings(task.key)
        latent_report.report(task, found, readings, cache.cards_of(task.key), state.now().models)


def page() -> None:
    """Choose, run, show."""
    if not cache.zoo_tasks():
        views.no_zoo(cache.zoo_folder())
        return
    choice = state.start("latent", latent_choice.read)
    widgets.model_panel()
    task = task_named(choice.task)
    views.summary(task, choice.models)
    views.notes(state.notes())
    with guard():
        shown = widgets.chosen_picture()
        st.header("Where does each network change its mind?", anchor=False)
        if latent_cache.has_generator(task.key):
            explore(task, shown)
            show_report(task)
        else:
            latent_explorer.no_generator(task)


views.style()
st.html(views.STYLE.with_name("latent.css"))
st.title("How far can a picture change naturally before a network changes its mind?", anchor=False)
with guard():
    page()
