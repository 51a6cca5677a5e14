"""What every page is built of: its chrome, the picture, notes, guides and numbers in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer
from streamlit.runtime.pages_manager import PagesManager

from app.state import session, zoo
from app.state.epsilon_scale import radius_text
from app.state.errors import guard
from app.state.guides import remembering
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import map_png
from app.ui.colours import model_colour
from app.ui.data_urls import data_url
from core.data.tasks import Task
from core.models.zoo import Card
from core.reports.accuracy.report import attacked_in_words
from core.text import escape_markdown

STYLE = Path(__file__).resolve().parents[2] / "assets" / "style" / "app.css"


def style() -> None:
    """The little CSS that config.toml can't say. Every page calls this first."""
    _through_the_entry()
    st.html(STYLE)


def _through_the_entry() -> None:
    """Have the entry run around this page.

    Because of the folder's name, Streamlit runs a file in `pages` by itself, without the entry's navigation and wide
    layout, until the entry has run once on this server; so a link to a page may be what it sees first.
    """
    if PagesManager.uses_pages_directory and not st.session_state.get("entry.seen"):
        PagesManager.uses_pages_directory = False
        st.session_state["entry.seen"] = True  # a test's server forgets, and a second rerun would lose a click
        st.rerun()


@dataclass(frozen=True, slots=True)
class Head:
    """The top of a page: its question with what is chosen below it, and beside them what is looked at."""

    question: DeltaGenerator
    picture: DeltaGenerator


def head(question: str) -> Head:
    """The top of a page, with its question as the title."""
    strip = picture_strip("head")
    strip.question.title(question, anchor=False)
    return strip


def picture_strip(key: str) -> Head:
    """The places for a picture and its choice, side by side."""
    with st.container(key=key):
        return Head(*st.columns([1.75, 1], gap="medium"))


def section(key: str, question: str) -> ExpanderContainer:
    """A part of a page under its question, folded as it comes; what is in it is made only while `open` is true."""
    return st.expander(question, **session.fold(key))


def folded(key: str, question: str, draw: Callable[[], None]) -> None:
    """A part of a page that is drawn only while it is unfolded; what the engine refuses is a sentence in it."""
    place = section(key, question)
    if place.open:
        with place, guard():
            draw()


def how_to_read(text: str, source: str) -> None:
    """A short guide under a figure, with where its method comes from; folded once its page was seen."""
    first = session.first_time()
    with st.expander("How to read this", expanded=first, type="compact"):
        guide = f'<div class="rs-guide">{escape(text)} <i>{escape(source)}</i></div>'
        st.html(guide + (remembering(session.page()) if first else ""), unsafe_allow_javascript=first)


def no_zoo(folder: Path) -> None:
    """What a visitor sees where there are no models at all."""
    with st.container(border=True):
        st.subheader("No networks here yet")
        st.markdown(
            "Robustscope compares trained classifiers, and this server's zoo is empty. Make the networks that ship by "
            "`make models`, or train one: `robustscope train cifar10 standard`. Then reload this page."
        )
        st.caption(f"Looked for model cards in {escape(folder.name)}/<task>/.")


def summary(task: Task, models: Sequence[str] = ()) -> None:
    """What is looked at in one line, on narrow screens only, where the side panel is folded away."""
    shown = " · ".join([task.title, " | ".join(model_name(key) for key in models)] if models else [task.title])
    st.html(f'<div class="rs-narrow">{escape(shown)}. Side panel (top left) to change.</div>')


def notes(sentences: Sequence[str]) -> None:
    """What the link asked for and could not have."""
    if sentences:
        st.warning("  \n".join(sentences), icon=":material/link_off:")


def picture(task: Task, shown: ModelInput) -> None:
    """The original beside what the models get of it, small; what is to be said of them is below."""
    channels, height, width = task.shape
    truth = f" True class: **{task.class_names[shown.label]}**." if shown.label is not None else ""
    kind = "grey" if channels == 1 else "colour"
    row = st.container(horizontal=True, wrap=False, gap="small", key="pair-picture")
    with row.container(key="original-smooth" if max(shown.size) > 2 * max(height, width) else "original-sharp"):
        show_png(shown.original, f"{shown.title}, the original")
    with row.container(key="seen"):
        show_png(map_png.enlarge(shown.x[0]), f"{shown.title}, as the networks see it")
    notes = "".join(f" {note}" for note in shown.notes)
    st.caption(
        f"**{escape_markdown(shown.title)}**, {shown.size[0]}\u00a0×\u00a0{shown.size[1]} ({shown.source}), and what "
        f"the networks see: {width}\u00a0×\u00a0{height} {kind} pixels.{truth}{escape_markdown(notes)}"
    )


def pinned(shown: ModelInput) -> None:
    """The picture once more, on narrow screens only: it stays in sight of what is said of it."""
    with st.container(key="pinned"):
        st.html(
            f'<div class="rs-pinned"><img src="{data_url(shown.x[0])}" alt=""><span>{escape(shown.title)}</span>'
            "<small>swipe for more</small></div>"
        )


def figures_in_words(card: Card) -> list[str]:
    """The card's figures in words: a line for clean images and one for each attack, or that nothing was measured."""
    rows = [row for row in card.figures if _complete(row)]
    if not rows:
        return ["Accuracy not measured"]
    settings = card.measured.get("settings", {})
    steps = settings.get("steps") if isinstance(settings, Mapping) else None
    attack = f"PGD-{steps}" if isinstance(steps, int) else "PGD"
    clean = rows[0]
    lines = [f"{clean['clean']:.1%} right on clean test images (n = {clean['clean_n']:,})"]
    for row in rows:
        radius = radius_text(str(row["norm"]), row["epsilon"])
        lines.append(f"{row['robust']:.1%} under {attack} at {radius} ({attacked_in_words(row)})")
    return [line.replace("%", " %") for line in lines]


def clean_in_words(card: Card) -> str:
    """The card's accuracy on clean images in a few words, and "" where it was not measured."""
    clean = next((row for row in card.figures if _complete(row)), None)
    return f"{percent(clean['clean'])} right on test images" if clean else ""


def _complete(row: Mapping[str, Any]) -> bool:
    """Whether a figure of a card, which may come from anywhere, can be shown."""
    numbers = ("clean", "clean_n", "robust", "robust_n", "epsilon")
    return all(isinstance(row.get(name), int | float) for name in numbers) and isinstance(row.get("norm"), str)


def no_gradients(keys: Sequence[str]) -> None:
    """What stands in place of what needs gradients, for networks that have none."""
    if keys:
        named = escape_markdown(", ".join(map(model_name, keys)))
        st.caption(f"**{named}** came as an ONNX file, which has no gradients, and this view needs them.")


def differentiable(task: Task, keys: Sequence[str]) -> tuple[str, ...]:
    """Those of some networks that have gradients; of the others it is said that they have none."""
    found = zoo.with_gradients(task.key, keys)
    no_gradients([key for key in keys if key not in found])
    return found


def percent(share: float) -> str:
    """A share as a percentage with one decimal."""
    return f"{share * 100:.1f} %"


def two_figures(value: float) -> str:
    """A number of at least 0 with two significant figures, never in powers of ten: 290, 3.1, 0.0024."""
    return np.format_float_positional(float(f"{value:.1e}"), trim="-")


def weaker(shared: float, strongest: float) -> str:
    """How a map's strength compares with that of the strongest map beside it, in words; both are above 0."""
    ratio = shared / strongest
    return f"{ratio:.0f} times weaker" if ratio >= 1.5 else "Strongest map" if ratio <= 1 else "About as strong"


def network_name(key: str) -> str:
    """A network's name as HTML behind a mark in its colour, which is too faint for letters."""
    return f'<b class="rs-network" style="--rs-colour: {model_colour(key)}">{escape(model_name(key))}</b>'


def ink() -> str:
    """The visitor's text colour: the chart's own grey is too faint for the back row."""
    theme = "dark" if st.context.theme.type == "dark" else "light"
    return str(st.get_option(f"theme.{theme}.textColor"))


def show_png(data: bytes, description: str) -> None:
    """A picture across its column, never as JPEG: that would change pixels by more than an attack does."""
    st.image(data, width="stretch", output_format="PNG", alt=description)


def not_measured(task: Task, what: str, command: str) -> None:
    """That something over test images is not known yet, and the command that makes it, where there is such a thing."""
    way = "a task that was brought has no data set to measure it on." if task.brought else f"`{command}` does it."
    st.caption(f"{what} is not measured here{'' if task.brought else ' yet'}: {way}")


def missing_report(task: Task, report: str, holds: str, stale: bool = False) -> None:
    """What stands in place of a report while there is none for these weights."""
    if task.brought:
        st.caption(f"There is no report on {holds} here: a task that was brought has no data set to measure it on.")
        return
    with st.container(border=True, key=f"no-{report}"):
        st.markdown(
            f"**The report on {holds} is not here yet.** "
            + ("The one that is here is of other networks, or of other weights. " if stale else "")
            + "This command makes it, goes on where it was stopped, and this page shows it after a reload:"
        )
        st.code(f"robustscope evaluate --task {task.key} --report {report}", language="bash", wrap_lines=True)
