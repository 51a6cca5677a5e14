"""The parts of the page Latent, in the order in which they stand there."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.latent import (
    explorer,
    files,
    point,
    python_program,
    report,
    results,
    search,
    search_films,
    slides,
    strips,
)  # fmt: skip
from app.latent.choice import AXES, VIEWS, LatentChoice
from app.latent.natural import explorer as natural_explorer
from app.latent.position import ResolvedPosition
from app.latent.ribbon_files import ribbons_csv, ribbons_png
from app.state import autoencoders, session, zoo
from app.state.errors import guard
from app.state.pictures import ModelInput
from app.ui import controls, elements, presenter, python_code
from app.ui.downloads import downloads
from app.ui.slider_predictions import ClassColours, Strip
from app.ui.task_progress import watch
from core.data.tasks import Task
from core.reports.latent.report import Latent


def view_of(task: Task) -> str:
    """The switch between the page's views, and which is chosen."""
    key = f"latent.view.{task.key}"
    session.hold(key, session.page_choice(LatentChoice).shows(task))
    controls.pick(
        "Change it by", VIEWS, key=key, on_change=lambda: session.set_field("view", st.session_state[key]),
        label_visibility="collapsed",
    )  # fmt: skip
    return session.page_choice(LatentChoice).shows(task)


def show(task: Task, shown: ModelInput, view: str) -> None:
    """One of the page's views."""
    if view == "natural":
        natural_explorer.explore(task, shown)
    elif autoencoders.has_autoencoder(task.key):
        explore(task, shown)
        show_report(task)
    else:
        explorer.no_autoencoder(task)


@st.fragment
def explore(task: Task, shown: ModelInput) -> None:
    """Everything that follows from where the sliders stand; a move re-runs only this."""
    with guard():
        show_parts(task, shown)


def show_parts(task: Task, shown: ModelInput) -> None:
    """Picture, answers and ribbons first, then what else is around the code."""
    choice = session.now()
    start = explorer.start_of(task, shown, session.page_choice(LatentChoice))
    position = explorer.position_of(task, start, session.page_choice(LatentChoice), choice.models)
    explorer.warn_undrawn(task, start, shown, choice.models)
    see, say, move = st.columns([0.75, 0.95, 1.8], gap="medium")
    colours = ClassColours(task)
    with see, guard():
        strip = results.row_at(position)
        explorer.now(task, start, position, strip)
    with say:
        explorer.answers(task, start, position, strip)
    with move, guard():
        explorer.mini(task, strip, choice.models, colours)
        explorer.sliders(task, position)
    explorer.start_controls(task, start, shown.label, position.place)
    explorer.guide(task)
    arrays, models = partial(files.explorer_npz, position), position.models
    rows, pictures = partial(_rows, task, position), partial(explorer.cells, task, start, position, strip)
    downloads(
        f"latent-{task.key}",
        (
            "Pictures and ribbons as PNG",
            "png",
            lambda: ribbons_png(task, models, pictures(), rows(), colours),
        ),
        ("Answers along the sliders as CSV", "csv", lambda: ribbons_csv(task, models, rows(every_place=True))),
        ("Picture, code and ribbons as NPZ", "npz", arrays),
    )
    with st.container(horizontal=True):
        presenter.offer(lambda: slides.slides(task, models, strip, shown, rows(), colours))
        controls.share(instead={"as": task.class_names[start.label], "code": start.code})
        python_code.show(python_program.program(position))
    show_around(task, position)
    point.show(task, shown, choice.models, strip)


def _rows(task: Task, position: ResolvedPosition, every_place: bool = False) -> list[slides.SliderRow]:
    """Each slider with what the networks answer along it: as the page shows it, or asked at every place."""
    place = position.place
    strips: Sequence[Strip] = (
        [results.slider_row(position, which) for which in range(len(AXES))]
        if every_place
        else results.slider_ribbons(position)
    )
    return [
        slides.SliderRow(axis, explorer.axis_title(task, place, axis, way)[0], place.at[which], strips[which])
        for which, (axis, way) in enumerate(zip(AXES, position.directions, strict=True))
    ]


def show_around(task: Task, position: ResolvedPosition) -> None:
    """What lies around the code where the sliders stand, in the parts that are unfolded."""
    elements.folded(
        "scrub",
        "How does one slider look without waiting?",
        lambda: strips.scrub(task, position, session.page_choice(LatentChoice)),
    )
    elements.folded("fool", "What is the smallest change that fools each network?", lambda: fool(task, position))
    elements.folded(
        "neighbours",
        "Do the answers hold for its neighbours?",
        lambda: strips.neighbours(task, position, session.page_choice(LatentChoice)),
    )
    elements.folded("classes", "What if the same code were another class?", lambda: strips.every_class(task, position))
    elements.folded(
        "way",
        "What lies between this picture and another?",
        lambda: strips.interpolation(task, position, session.page_choice(LatentChoice)),
    )


def fool(task: Task, position: ResolvedPosition) -> None:
    """The search for the smallest change; the work runs beside the page."""
    search.controls()
    centre = session.page_choice(LatentChoice).centre
    work = watch(search.search_task(position, centre))
    if work is not None:
        search_films.films(task, work.result, centre)
        search_films.guide()
        python_code.show(python_program.search(position, centre, search.SEARCH))
        downloads(
            f"fooled-{task.key}",
            ("Film strips as PNG", "png", partial(files.films_png, task, work.result)),
            ("All arrays as NPZ", "npz", partial(files.fooled_npz, work.result)),
        )


@st.fragment
def show_report(task: Task) -> None:
    """The metrics over the zoo; a change of what is shown re-runs only this."""
    place = elements.section("metrics", "Does latent robustness follow accuracy, or robustness?")
    if not place.open:
        return
    with place, guard():
        found, readings = results.report(task.key), results.readings(task.key)
        report.report(task, found, readings, zoo.cards_of(task.key), session.now().models)
        if found is not None:
            program = python_code.report(task.key, "latent", Latent, list(zoo.cards_of(task.key)))
            python_code.show(program + python_program.claims(task.key) * (readings is not None))
