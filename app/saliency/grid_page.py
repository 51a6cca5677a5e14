"""The Saliency page's controls, the grid as it fills, and the map that is looked at."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from html import escape
from math import isfinite

import plotly.graph_objects as go
import streamlit as st

from app.saliency import results, rounding
from app.saliency.choice import (
    ALONE,
    COLOURS,
    OTHER,
    PRECISIONS,
    ROWS,
    SCALES,
    TOP,
    TRUE,
    SaliencyChoice,
    explainable,
    opposable,
)
from app.saliency.colouring import explains, map_pixels, strongest, why_empty
from app.saliency.grid import clickable, grid_html
from app.saliency.results import Cell, Measuring, Question
from app.state import device, session
from app.state.choice import Choice
from app.state.durations import duration
from app.state.names import model_name
from app.ui import charts, tables, tiles
from app.ui.charts import plain_layout
from app.ui.colours import model_colour
from app.ui.controls import late_binding, pick
from app.ui.data_urls import bytes_url, data_url
from app.ui.elements import how_to_read, ink, two_figures
from app.ui.task_progress import LongTask, watch
from core.data.tasks import Task
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.grid import SaliencyMap
from core.saliency.measures.catalogue import SALIENCY_MEASURES
from core.saliency.method import FAMILIES

REDRAW = 0.25  # seconds between two drawings of a grid that fills

QUICK_MEASURES = ("sparsity", "insertion", "deletion", "pointing-game", "mass-inside")


def pickers(task: Task, label: int | None) -> None:
    """Which methods stand side by side, which class is explained, and what it is held against."""
    choice, part = session.now(), session.page_choice(SaliencyChoice)
    of = [key for key in explainable(choice) if key != TRUE or label is not None or part.of == TRUE]
    against, shown = opposable(choice), list(part.methods)
    methods, left, right = st.columns([2.4, 1, 1], gap="medium")
    methods.multiselect(
        "Methods side by side", list(ATTRIBUTION_METHODS), format_func=lambda key: ATTRIBUTION_METHODS[key].title,
        help="  \n".join(FAMILIES.values()), **late_binding("methods", "saliency.methods", shown, default=shown),
    )  # fmt: skip
    left.selectbox(
        "Explain", of, format_func=lambda key: {TOP: "its own answer", TRUE: "the true class"}.get(key, key),
        help="A class's score, or each network's own answer.",
        **late_binding("of", f"saliency.of.{task.key}", part.of, index=of.index(part.of)),
    )  # fmt: skip
    right.selectbox(
        "Held against", against,
        format_func=lambda key: {ALONE: "nothing", OTHER: "its strongest other"}.get(key, f"why not {key}"),
        help="A contrast explains the difference of two scores: why this class and not that.",
        **late_binding("against", f"saliency.against.{task.key}", part.against, index=against.index(part.against)),
    )  # fmt: skip


def form_picker() -> None:
    """How the maps are drawn."""
    with st.sidebar:
        pick("Rows", ROWS, **session.binding("rows", "saliency.rows"))
        pick(
            "One colour scale for",
            SCALES,
            help="A method's maps: strengths compare between networks. None: the shape of each map shows.",
            **session.binding("scale", "saliency.scale"),
        )
        pick("Colours", COLOURS, **session.binding("colours", "saliency.colours"))
        if device.step_precision() != "float32":
            pick(
                "Average gradients in",
                PRECISIONS,
                help=rounding.HELP,
                **session.binding("precision", "saliency.precision"),
            )
        st.slider(
            "Over the picture", 0, 100, step=10, format="%d %%",
            help="0 % shows the map alone.", **session.binding("over", "saliency.over"),
        )  # fmt: skip


def fill(question: Question, choice: Choice) -> dict[Cell, SaliencyMap]:
    """The grid, drawn as its quick maps come; all maps that are there, in the order of methods and networks."""
    part, models = session.page_choice(SaliencyChoice), choice.models
    found = results.known_maps(question, models, part.methods)
    waits = any(
        (model, key) not in found and not ATTRIBUTION_METHODS[key].long for model in models for key in part.methods
    )
    if not waits:
        clickable(grid_html(question.task, models, part, found))
        return found
    place, drawn_at = st.empty(), 0.0
    for one in results.quick_maps(question, models, part.methods):
        found[one.model, one.method] = one
        if time.monotonic() - drawn_at > REDRAW:
            place.html(grid_html(question.task, models, part, found))
            drawn_at = time.monotonic()
    found = {(model, key): found[model, key] for key in part.methods for model in models if (model, key) in found}
    with place:
        clickable(grid_html(question.task, models, part, found))
    return found


def long_maps(question: Question, models: Sequence[str], methods: Sequence[str]) -> None:
    """Make what is missing of long methods beside the page, and look after it; the page runs again as maps come."""
    cells = [(model, method) for method in methods for model in models if ATTRIBUTION_METHODS[method].long]
    missing = results.missing_maps(question, cells)
    if not missing:
        return
    offer = LongTask(
        "saliency.maps",
        ("maps", *(question.key(*cell) for cell in cells)),
        partial(results.long_maps, question, cells),
        "Some maps are not made.",
        "Make them",
        ":material/play_arrow:",
        lambda work: _making(question, results.missing_maps(question, cells), begun=work.left is not None),
        automatic=True,
        changed=lambda: len(results.missing_maps(question, cells)) < len(missing),
    )
    if watch(offer) is not None:  # made, and dropped since
        watch(replace(offer, key=("maps", *(question.key(*cell) for cell in cells), *missing)))


def _making(question: Question, missing: Sequence[Cell], begun: bool) -> str:
    if not missing:
        return "The last map"
    model, method = missing[0]
    told = f"{ATTRIBUTION_METHODS[method].title} of {model_name(model)}, {len(missing)} to make"
    if begun:
        return told
    return f"{told}, in {duration(results.seconds_of(question, missing))} by the number of passes"


def closer(measuring: Measuring, one: SaliencyMap | None) -> None:
    """One map, large: its values under the pointer, its numbers, and what it shows."""
    if one is None:
        st.caption("This map is on its way.")
        return
    task, method = measuring.question.task, ATTRIBUTION_METHODS[one.method]
    words = explains(one, task.class_names)
    st.html(
        f'<div class="rs-head" style="--rs-colour: {model_colour(one.model)}" data-closer="{escape(one.model)},'
        f'{escape(one.method)}"><span class="rs-name">{escape(method.title)} of {escape(model_name(one.model))}'
        f'<span class="rs-key">{escape("why " + words if words else "")}</span></span></div>'
    )
    problem = why_empty(one)
    if problem:
        st.info(problem, icon=":material/info:")
        return
    left, right = st.columns([1.35, 1], gap="large")
    with left:
        charts.show(
            values_figure(one), key="saliency-values",
            alt=f"Values of {method.title} of {model_name(one.model)}, pixel by pixel",
        )  # fmt: skip
    with right:
        over = map_pixels(one, strongest(one), "signed" if method.signed else "strength", 80)
        tiles.show(
            f'<div class="rs-tiles rs-two"><figure><img src="{data_url(one.x)}" alt="The picture">'
            f'<figcaption>the picture</figcaption></figure><figure><img src="{bytes_url(over)}" alt="The map over it">'
            f"<figcaption>the map over it</figcaption></figure></div>",
            "map-over-picture",
        )
        tables.show(_numbers(measuring, one), "map-numbers")
        st.html(
            f'<div class="rs-small" data-precision="{one.settings["precision"]}">{escape(method.sentence)} '
            f"{escape(method.source)}. {rounding.words(one)}Here the colours are linear in the value.</div>"
        )


def values_figure(one: SaliencyMap) -> go.Figure:
    """A map's values as a heat map: the pointer reads them."""
    values, top = one.heatmap, strongest(one)
    signed = ATTRIBUTION_METHODS[one.method].signed
    figure = go.Figure(
        go.Heatmap(
            z=values, zmin=-top if signed else 0, zmax=top,
            colorscale="PuOr_r" if signed else "YlGnBu",
            hovertemplate="pixel (%{x}, %{y}): %{z:.4g}<extra></extra>",
            colorbar={"thickness": 14, "outlinewidth": 0, "tickfont": {"size": 14, "color": ink()}},
        )
    )  # fmt: skip
    figure.update_xaxes(visible=False, constrain="domain", fixedrange=True)
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x", constrain="domain", fixedrange=True)
    return plain_layout(figure, 440, ink(), {"l": 0, "r": 0, "t": 4, "b": 4})


def _numbers(measuring: Measuring, one: SaliencyMap) -> str:
    """What is known of a map at once, as a table."""
    values = one.heatmap
    rows = [
        ("Strongest pixel", two_figures(strongest(one)), "largest magnitude, in the method's units"),
        ("Sum of the map", f"{float(values.sum()):+.3g}".replace("-", "−"), "in the method's units"),
    ]
    for key in QUICK_MEASURES:
        if SALIENCY_MEASURES[key].needs == "inside" and measuring.mask is None:
            continue
        value = measuring.now(one, key)
        better = {"higher": "higher is better", "lower": "lower is better", "neither": "neither way is better"}
        rows.append((SALIENCY_MEASURES[key].title, number(value), better[SALIENCY_MEASURES[key].better]))
    lines = "".join(
        f"<tr><th>{escape(name)}</th><td><b>{escape(value)}</b> <small>{escape(unit)}</small></td></tr>"
        for name, value, unit in rows
    )
    return f'<table class="rs-table" data-numbers="{len(rows)}">{lines}</table>'


def number(value: float | str | None) -> str:
    """A measure in three figures; a dash where there is none."""
    if not isinstance(value, float) or not isfinite(value):
        return "–"
    return f"{value:.3f}".replace("-", "−")


def title(question: Question, part: SaliencyChoice) -> str:
    """What a file of this view is called."""
    of = {TOP: "each network's own answer", TRUE: "the true class"}.get(part.of, part.of)
    against = {ALONE: "", OTHER: ", not its strongest other"}.get(part.against, f", not {part.against}")
    return f"Saliency: {question.shown.title}\nExplained: {of}{against}"


def room_buttons() -> None:
    """The ways to show the grid to a room."""
    for view, label, icon in (
        ("present", "Presenter view", ":material/slideshow:"),
        ("guess", "Guess the class", ":material/psychology_alt:"),
    ):
        st.button(label, key=f"saliency.view.{view}", icon=icon, on_click=session.set_field, args=("view", view))


def guide() -> None:
    """How to read the grid."""
    how_to_read(
        "Each row is a method, each column a network (or the other way round): the same picture, the same question. "
        "Orange raises the score of what is explained, purple lowers it, white does nothing; the shade grows with the "
        "square root of the value. A scale for each method's maps lets strengths compare between networks; units "
        "differ between methods. Below each map: its largest magnitude. Click a map to look closer.",
        "Sources stand with each method.",
    )
