"""Train: networks learn in front of the visitor, who sees which pixels they come to look at."""

from functools import partial

import streamlit as st

from app.state.errors import guard
from app.state.presence import session_id
from app.state.training_job import Job
from app.state.training_queue import jobs
from app.training import controls, progress
from app.ui import page, presenter, training_film
from core.data.tasks import task_named


def chosen(mine: list[Job]) -> list[Job]:
    """The trainings of the newest one's task, as far as they fit side by side."""
    begun = [job for job in mine if job.points]
    task = (begun or mine)[-1].order.task
    return [job for job in mine if job.order.task == task][-training_film.MOST_SHOWN :]


def show_line(mine: list[Job]) -> None:
    """Where each training stands, and what can be done about it."""
    for row in range(0, len(mine), 3):
        for column, job in zip(st.columns(3, gap="medium"), mine[row : row + 3], strict=False):
            with column:
                progress.head(job, jobs().ahead(job))
                controls.steer(job)


def show(visitor: str, before: list[tuple[str, bool]]) -> None:
    """The trainings as they stand; runs again and again while one is active, and all of the page when one ends."""
    mine = jobs().of(visitor)
    if [(job.id, job.active) for job in mine] != before:
        st.rerun()
    with guard():
        show_line(mine)
        shown = chosen(mine)
        if any(job.points for job in shown):
            st.header("Which pixels do they come to look at?", anchor=False)
            own_scale = controls.own_scale()
            training_film.show_film(shown, own_scale)
            training_film.film_guide()
            presenter.offer(partial(training_film.film_slides, shown, own_scale), linked=False)
            st.header(f"How often are they right? {task_named(shown[-1].order.task).title}", anchor=False)
            progress.curves(shown)


def draw() -> None:
    """Choose, run, show; what runs stands first."""
    visitor = controls.start()
    # Before anything can be begun: of somebody who is not here it is stopped at once.
    jobs().seen(visitor, session_id())
    mine = jobs().of(visitor)
    if mine:
        busy = any(job.active for job in mine)
        now = [(job.id, job.active) for job in mine]
        st.fragment(show, run_every=1.0 if busy else None)(visitor, now)
        st.header("Train another", anchor=False)
    controls.choose(visitor)
    controls.shelf(visitor)


page.show("What does a network learn to look at?", draw)
