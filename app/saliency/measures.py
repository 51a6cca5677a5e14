"""Which maps to trust: the chosen measures of this picture's maps, and where they stand among the report's pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from math import isfinite

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from app.saliency.choice import SaliencyChoice
from app.saliency.colouring import why_empty
from app.saliency.files import measures_csv
from app.saliency.grid_page import number
from app.saliency.results import Cell, Measuring, Scores
from app.state import session
from app.state.names import model_name
from app.ui import charts, tables
from app.ui.charts import plain_layout
from app.ui.colours import model_colour
from app.ui.elements import how_to_read, ink
from app.ui.task_progress import LongTask, watch
from core.data.tasks import task_named
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.reports.saliency.report import SaliencyReport
from core.saliency.grid import SaliencyMap
from core.saliency.measures.catalogue import SALIENCY_MEASURES, measures_of_maps

Array = NDArray[np.float64]
BETTER = {"higher": "higher is better", "lower": "lower is better", "neither": "neither way is better"}


def measures(measuring: Measuring, models: Sequence[str], found: Mapping[Cell, SaliencyMap]) -> Scores:
    """The picker, the work behind it, and the table; gives the figures that are there."""
    st.multiselect(
        "Measures", measures_of_maps(), format_func=lambda key: SALIENCY_MEASURES[key].title,
        **session.binding("measures", "saliency.measures"),
    )  # fmt: skip
    part = session.page_choice(SaliencyChoice)
    maps = [one for one in found.values() if not why_empty(one)]
    offer = LongTask(
        "saliency.measure",
        ("scores", part.measures, *(measuring.key(one, measure) for one in maps for measure in part.measures)),
        partial(measuring.work, maps, part.measures),
        f"The {'measure' if len(part.measures) == 1 else f'{len(part.measures)} measures'} of {len(maps)} maps.",
        f"Measure {len(maps)} maps",
        ":material/straighten:",
        lambda work: f"Figure {work.done + 1:,} of {work.of:,}" if work.of else "Measuring",
    )
    wanted = len(maps) * len(part.measures)
    scores = measuring.known(maps, part.measures)
    if len(scores) < wanted and watch(offer) is not None:  # it ended in between, or some were dropped since
        scores = measuring.known(maps, part.measures)
        if len(scores) < wanted:
            watch(replace(offer, key=(offer.key, "again")))
    if scores:
        tables.show(_table(part, models, found, scores), "map-measures", partial(measures_csv, found, scores))
    st.html(
        '<dl class="rs-terms">'
        + "".join(
            f"<dt>{escape(measure.title)}</dt><dd>{escape(measure.sentence)} "
            f"{BETTER[measure.better].capitalize()}; costs {escape(measure.cost)} an image. "
            f"<i>{escape(measure.source)}</i></dd>"
            for measure in (SALIENCY_MEASURES[key] for key in part.measures)
        )
        + '</dl><div class="rs-small">Best here: among the methods, for this network and picture. A pass of '
        "the network is k, a making of the map m.</div>"
    )
    return scores


def _table(part: SaliencyChoice, models: Sequence[str], found: Mapping[Cell, SaliencyMap], scores: Scores) -> str:
    """A row for each map, a column for each measure; the best method for each network is marked."""
    maps = {model: sum(cell[0] == model and not why_empty(one) for cell, one in found.items()) for model in models}
    best = {(model, key): best_of(scores, key, model, maps[model]) for model in models for key in part.measures}
    heads = "".join(
        f"<th>{escape(SALIENCY_MEASURES[key].title)}<br><small>{BETTER[SALIENCY_MEASURES[key].better]}</small></th>"
        for key in part.measures
    )
    lines = ""
    for method in part.methods:
        title = escape(ATTRIBUTION_METHODS[method].title)
        for model in models:
            if (model, method) not in found:
                continue
            cell = (model, method)
            cells = "".join(_score(scores.get((cell, key)), cell == best[model, key]) for key in part.measures)
            lines += (
                f'<tr data-scored="{escape(model)},{escape(method)}"><th><i style="background: {model_colour(model)}">'
                f"</i>{title}<small> {escape(model_name(model))}</small></th>{cells}</tr>"
            )
    return (
        '<div class="rs-wide" tabindex="0"><table class="rs-table rs-scores"><tr><th></th>'
        f"{heads}</tr>{lines}</table></div>"
    )


def best_of(scores: Scores, measure: str, model: str, of: int) -> Cell | None:
    """The map of a network that a measure calls best; None where it has no better, or fewer than two figures.

    Also None while fewer than `of` maps of the network have been measured, and where the best is no better than a map
    that knows nothing may be by chance.
    """
    better, floor = SALIENCY_MEASURES[measure].better, SALIENCY_MEASURES[measure].floor
    figures = {
        cell: value
        for (cell, key), value in scores.items()
        if key == measure and cell[0] == model and isinstance(value, float) and isfinite(value)
    }
    done = sum(cell[0] == model and key == measure for cell, key in scores)
    if better == "neither" or len(figures) < 2 or done < of:
        return None
    best = (max if better == "higher" else min)(figures, key=figures.__getitem__)
    if floor is not None and (figures[best] <= floor if better == "higher" else figures[best] >= floor):
        return None
    return best


def _score(value: float | str | None, best: bool) -> str:
    why = f' title="{escape(value)}"' if isinstance(value, str) else ""
    shown = f"<b>{number(value)}</b><small> best here</small>" if best else number(value)
    return f"<td{why}>{shown}</td>"


def among(
    task: str, report: SaliencyReport | None, part: SaliencyChoice, models: Sequence[str], scores: Scores
) -> None:  # fmt: skip
    """Each measure over the report's pictures, this one marked; what to do where there is no report."""
    known = spreads(report, models, part) if report is not None else {}
    if not known and task_named(task).brought:
        st.caption("How they stand among other pictures is not known: a task that was brought has no data set.")
        return
    if not known:
        with st.container(border=True, key="saliency-no-report"):
            st.markdown(
                "**How do these figures stand among other pictures?** That needs the report over the test images, "
                + ("which does not hold these networks and measures yet." if report else "which is not here yet.")
                + " Make it by:"
            )
            st.code(f"robustscope evaluate --task {task} --report saliency", language=None, wrap_lines=True)
        return
    shown = dict.fromkeys(model for (model, _), _ in known)
    st.html(
        '<div class="rs-key-row">'
        + "".join(
            f'<span><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}</span>' for key in shown
        )
        + "</div>"
    )
    columns = st.columns(2, gap="large")
    for index, measure in enumerate([key for key in part.measures if any(key == one for _, one in known)]):
        with columns[index % 2]:
            own = {cell: values for (cell, key), values in known.items() if key == measure}
            st.html(f'<div class="rs-chart" data-spread="{measure}">{escape(SALIENCY_MEASURES[measure].title)}</div>')
            here = {cell: scores.get((cell, measure)) for cell in own}
            charts.show(
                spread_figure(own, part.methods, here, ink(), SALIENCY_MEASURES[measure].floor),
                key=f"saliency-spread-{measure}",
                alt=f"{SALIENCY_MEASURES[measure].title} over the report's images, with this picture marked",
            )  # fmt: skip
    n = sorted({len(values) for values in known.values()})
    how_to_read(
        f"Bars: the middle half of the report's test images (n = {' to '.join(map(str, {n[0]: 0, n[-1]: 0}))}); lines: "
        "5 to 95 %; the stroke is the median, the diamond this picture. A measure in which a network's bars lie apart "
        "from another's tells them apart on more than this picture. A dotted line is what a map that knows nothing may "
        "reach by chance. The report explains each network's own answer.",
        "Report saliency, first test images in the data set's order.",
    )


def spreads(report: SaliencyReport, models: Sequence[str], part: SaliencyChoice) -> dict[tuple[Cell, str], Array]:
    """The report's finite values by map and measure."""
    found = {}
    for method in part.methods:
        for model in models:
            for measure in part.measures:
                values = report.arrays.get(f"{measure}__{model}__{method}")
                if values is not None and np.isfinite(values).any():
                    found[(model, method), measure] = values[np.isfinite(values)].astype(np.float64)
    return found


def spread_figure(
    values: Mapping[Cell, Array],
    methods: Sequence[str],
    here: Mapping[Cell, float | str | None],
    colour: str,
    floor: float | None = None,
) -> go.Figure:
    """A line, a bar and a median for each map, grouped by method, a diamond for this picture, and a dotted `floor`."""
    figure = go.Figure()
    if floor is not None:
        figure.add_vline(x=floor, line={"color": colour, "width": 1, "dash": "dot"})
    rows, ticks = 0.0, {}
    for method in methods:
        cells = [cell for cell in values if cell[1] == method]
        if not cells:
            continue
        ticks[ATTRIBUTION_METHODS[method].title] = rows + (len(cells) - 1) / 2
        for cell in cells:
            low, first, middle, third, high = np.quantile(values[cell], [0.05, 0.25, 0.5, 0.75, 0.95])
            tint, name = model_colour(cell[0]), model_name(cell[0])
            told = f"{name}: median {middle:.3f}, middle half {first:.3f} to {third:.3f}, n = {len(values[cell])}"
            for ends, width in (((low, high), 2), ((first, third), 11)):
                figure.add_scatter(
                    x=ends, y=[rows, rows], mode="lines", line={"color": tint, "width": width}, hoverinfo="text",
                    hovertext=told, showlegend=False,
                )  # fmt: skip
            figure.add_scatter(
                x=[middle], y=[rows], mode="markers", hoverinfo="skip", showlegend=False,
                marker={"symbol": "line-ns", "size": 16, "line": {"width": 3, "color": colour}},
            )  # fmt: skip
            mark = here.get(cell)
            if isinstance(mark, float) and isfinite(mark):
                figure.add_scatter(
                    x=[mark], y=[rows], mode="markers", showlegend=False,
                    hovertemplate=f"{name}, this picture: {mark:.3f}<extra></extra>",
                    marker={"symbol": "diamond", "size": 14, "color": "#FFFFFF", "line": {"width": 3, "color": tint}},
                )  # fmt: skip
            rows += 1
        rows += 0.8
    figure.update_yaxes(
        tickvals=list(ticks.values()), ticktext=list(ticks), autorange="reversed", showgrid=False, zeroline=False,
        tickfont={"size": 15, "color": colour}, fixedrange=True,
    )  # fmt: skip
    figure.update_xaxes(fixedrange=True)
    return plain_layout(figure, int(70 + 26 * rows), colour, {"l": 8, "r": 16, "t": 4, "b": 24})
