"""Long work as it is seen: the invitation, how far it is, the time left, the button that stops it, and its end."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import streamlit as st

from app.state.durations import duration
from app.state.errors import guard
from app.state.presence import owner, session_id
from app.state.tasks import BackgroundTask, Call, Lane, task_pool
from core.text import escape_markdown

REFRESH = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class LongTask:
    """A piece of long work as a page offers it.

    Attributes:
        name: its place on the page, of which there is one; its widgets' keys begin with it.
        key: what decides its result.
        prepare: gives the work; loads what that needs, in the visit that asks for it.
        invitation: what it is and costs, in Markdown.
        button: what its button says.
        icon: the button's.
        steps: says what is being done.
        automatic: whether it begins without being asked.
        changed: asked while it runs; true where the page shows more by now, and is to be drawn again.
        latest: the work as it would be offered at the press of the button, where that may be another than was drawn.
    """

    name: str
    key: Hashable
    prepare: Callable[[], Call]
    invitation: str
    button: str
    icon: str
    steps: Callable[[BackgroundTask], str]
    automatic: bool = False
    changed: Callable[[], bool] = lambda: False
    latest: "Callable[[], LongTask] | None" = None


def watch(offer: LongTask) -> BackgroundTask | None:
    """Draw work as it stands: offered, waiting, running, stopped or failed; gives it once it is done.

    Raises:
        CoreError: it begins by itself, and can't.
    """
    task = task_pool().find(_lane(offer), offer.key)
    if task is None and offer.automatic:
        task = task_pool().start(_lane(offer), offer.key, offer.prepare())
    if task is not None and task.state == "done":
        return task
    if task is not None and task.active:
        st.fragment(_follow, run_every=REFRESH)(offer, task)
    else:
        _invite(offer, task)
    return None


def finished(offer: LongTask) -> BackgroundTask | None:
    """Work that is done; draws and begins nothing."""
    task = task_pool().find(_lane(offer), offer.key)
    return task if task is not None and task.state == "done" else None


def time_left(seconds: float | None) -> str:
    """A time for people, rounded as far as it can be known."""
    if seconds is None:
        return "time left not known yet"
    return f"{duration(seconds)} left"


def standing(offer: LongTask, task: BackgroundTask, ahead: int) -> str:
    """Where work stands, in words."""
    if task.state != "waiting":
        return f"{offer.steps(task)}; {time_left(task.left)}"
    return f"Waiting: {ahead} before you in line" if ahead else "Waiting: you are next"


def _lane(offer: LongTask) -> Lane:
    return Lane(owner(), session_id(), offer.name)


def _begin(offer: LongTask) -> None:
    with guard():
        wanted = offer.latest() if offer.latest else offer
        task_pool().start(_lane(wanted), wanted.key, wanted.prepare())


def _follow(offer: LongTask, task: BackgroundTask) -> None:
    """How far it is; the page runs again once it is over, or there is more to show."""
    task.heartbeat()
    if not task.active or offer.changed():
        st.rerun()
    lane = _lane(offer)
    with st.container(horizontal=True, vertical_alignment="center"):
        share = min(1.0, task.done / task.of) if task.of else 0.0
        st.progress(share, standing(offer, task, task_pool().ahead(task)))
        st.button(
            "Stop", on_click=task_pool().stop, args=(lane,), icon=":material/stop_circle:", key=f"{offer.name}.stop"
        )


def _invite(offer: LongTask, task: BackgroundTask | None) -> None:
    """What stands in place of a result until somebody asks for it, and why an earlier start came to nothing."""
    if task is not None and task.state == "failed":
        st.error(escape_markdown(task.sentence), icon=":material/error:")
    stopped = "Stopped. " if task is not None and task.state == "stopped" else ""
    with st.container(border=True, key=f"{offer.name.replace('.', '-')}-invite"):
        st.markdown(stopped + offer.invitation)
        st.button(
            offer.button, type="primary", icon=offer.icon, key=f"{offer.name}.start", on_click=_begin, args=(offer,)
        )
