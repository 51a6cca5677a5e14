"""What every page begins with: its style and question, the choice, the side panel, and what its link could not have."""

from collections.abc import Callable

import streamlit as st

from app.state import session, zoo
from app.state.choice import Choice
from app.state.errors import guard
from app.state.page_choice import PageChoice
from app.ui import controls, elements
from app.ui.elements import Head
from core.data.tasks import task_named


def show(question: str, draw: Callable[[], None]) -> None:
    """A page under its question; what the engine refuses is a sentence."""
    elements.style()
    st.title(question, anchor=False)
    with guard():
        draw()


def show_choice(
    question: str, draw: Callable[[Choice], None], name: str = "compare", kind: type[PageChoice] | None = None
) -> None:
    """A page about networks, or what to do where there is none.

    Args:
        question: the page's.
        draw: the page from the choice.
        name: the page's, in links.
        kind: the page's own part of the choice, where it has one.
    """
    show(question, lambda: _with_choice(draw, name, kind))


def show_picture(
    question: str, draw: Callable[[Choice, Head], None], name: str, kind: type[PageChoice] | None = None
) -> None:
    """A page about a picture, which stands beside the question; otherwise as `show_choice`.

    Args:
        question: the page's.
        draw: the page from the choice and the top of the page, where the picture goes.
        name: the page's, in links.
        kind: the page's own part of the choice, where it has one.
    """
    elements.style()
    top = elements.head(question)
    with guard():
        _with_choice(lambda choice: draw(choice, top), name, kind)


def _with_choice(draw: Callable[[Choice], None], name: str, kind: type[PageChoice] | None) -> None:
    if zoo.zoo_tasks():
        draw(session.start(name, kind))
        session.fill_address()
    else:
        elements.no_zoo(zoo.zoo_folder())


def head(choice: Choice, panel: Callable[[], None] = controls.model_panel, several: bool = True) -> None:
    """The side panel, and above the page what is chosen and what the link could not have.

    Args:
        choice: what is looked at.
        panel: draws the side panel.
        several: whether the page is about the networks chosen, and not about all of the task.
    """
    panel()
    elements.summary(task_named(choice.task), choice.models if several else ())
    elements.notes(session.notes())
