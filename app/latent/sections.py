"""The parts of the page Latent, in the order in which they stand there."""

from functools import partial

import streamlit as st

from app.latent import explorer, files, report, results, search, search_films, strips
from app.latent.choice import LatentChoice
from app.latent.position import ResolvedPosition
from app.state import session, zoo
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls
from app.ui.downloads import downloads
from app.ui.task_progress import watch
from core.data.tasks import Task


@st.fragment
def explore(task: Task, shown: ModelInput) -> None:
    """Everything that follows from where the sliders stand; a move re-runs only this."""
    with guard():
        show_parts(task, shown)


def show_parts(task: Task, shown: ModelInput) -> None:
    """Picture and answers first, then the ribbons as they are made, then what else is around the code."""
    choice = session.now()
    start = explorer.start_of(task, shown, session.page_choice(LatentChoice))
    explorer.keep_upload_in_link(task, start)
    position = explorer.position_of(task, start, session.page_choice(LatentChoice), choice.models)
    explorer.start_controls(task, start, shown.label)
    see, move = st.columns([1, 1.9], gap="large")
    with see, guard():
        strip = results.row_at(position)
        explorer.now(task, start, position, strip)
    with move, guard():
        explorer.mini(task, strip, choice.models)
        explorer.slider_controls(task, position.place)
        explorer.sliders(task, position)
    explorer.guide(task)
    with st.container(horizontal=True):
        arrays = partial(files.explorer_npz, position)
        downloads(f"latent-{task.key}", ("Picture, code and ribbons as NPZ", "npz", arrays))
        controls.share()
    st.header("One slider, without waiting", anchor=False)
    with guard():
        strips.scrub(task, position, session.page_choice(LatentChoice))
    st.header("What is the smallest change that fools each network?", anchor=False)
    with guard():
        fool(task, position)
    st.header("Do the answers hold for its neighbours?", anchor=False)
    with guard():
        strips.neighbours(task, position, session.page_choice(LatentChoice))
    st.header("What if the same code were another class?", anchor=False)
    with guard():
        strips.every_class(task, position)
    st.header("From this picture to another", anchor=False)
    with guard():
        strips.interpolation(task, position, session.page_choice(LatentChoice))


def fool(task: Task, position: ResolvedPosition) -> None:
    """The search for the smallest change; the work runs beside the page."""
    search.controls()
    centre = session.page_choice(LatentChoice).centre
    work = watch(search.search_task(position, centre))
    if work is not None:
        search_films.films(task, work.result, centre)
        search_films.guide()
        downloads(
            f"fooled-{task.key}",
            ("Film strips as PNG", "png", partial(files.films_png, task, work.result)),
            ("All arrays as NPZ", "npz", partial(files.fooled_npz, work.result)),
        )


@st.fragment
def show_report(task: Task) -> None:
    """The metrics over the zoo; a change of what is shown re-runs only this."""
    st.header("Does latent robustness follow accuracy, or robustness?", anchor=False)
    with guard():
        found, readings = results.report(task.key), results.readings(task.key)
        report.report(task, found, readings, zoo.cards_of(task.key), session.now().models)
