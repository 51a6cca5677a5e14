"""The page Report: what will be in it, its making, and the file."""

from functools import partial

import streamlit as st

from app.picture_report import slides
from app.picture_report.content import METHODS, PictureReport, making, program
from app.picture_report.document import html_file
from app.state import session
from app.state.boxes import box_text
from app.state.choice import Choice
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import controls, presenter, python_code
from app.ui.downloads import downloads
from app.ui.task_progress import watch
from core.text import escape_markdown


def show(shown: ModelInput) -> None:
    """The report of the picture and networks chosen."""
    choice = session.now()
    done = watch(making(choice, shown))
    if done is None:
        st.caption(
            "One HTML file for the picture and networks chosen here: answers and gradients, an attack, anomaly scores, "
            f"{len(METHODS)} saliency methods, the smallest natural changes that fool, where answers turn in a "
            f"generator's latent space, explanations of each class, {_of_the_box(choice)}, the networks' cards, all "
            "settings and versions, links back to the pages, and the Python that gives the same numbers. It opens "
            "without a network."
        )
    else:
        _made(done.result)
    with st.container(horizontal=True):
        if done is not None:
            presenter.offer(partial(slides.slides, done.result))
        controls.share()
        python_code.show(program(choice, shown))


def _of_the_box(choice: Choice) -> str:
    """What of a region will be in the file."""
    if choice.box is None:
        return "no region, for no box is drawn on the picture"
    return f"what hangs on the box that is drawn (`{box_text(choice.box)}`)"


def _made(report: PictureReport) -> None:
    names = ", ".join(escape_markdown(model_name(card.key)) for card in report.cards)
    st.success(
        f"The report of **{escape_markdown(report.shown.title)}** for {names} is ready.", icon=":material/task_alt:"
    )
    downloads("robustscope-report", ("The report as HTML", "html", partial(html_file, report)))
