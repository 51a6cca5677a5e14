"""What the report says of the networks themselves: whether alignment goes with robustness, and how much maps agree."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from app.saliency.grid_page import number
from app.state.names import model_name
from app.ui import charts, tables
from app.ui.charts import NARROW_PART, SYMBOLS, add_names, plain_layout
from app.ui.colours import model_colour
from app.ui.elements import how_to_read, ink
from core.reports.form.report import Row
from core.reports.saliency.report import SaliencyReport
from core.reports.saliency.rows import Figures
from core.saliency.measures.catalogue import SALIENCY_MEASURES

AGAINST: Mapping[str, str] = {
    "ara": "accuracy-robustness area (RMSE)",
    "pgd": "accuracy under PGD, L2",
    "robust-linf": "accuracy under PGD, L∞, as on the cards",
    "robust-l2": "accuracy under PGD, L2, as on the cards",
}
SHOWN = ("ara", "pgd")
ROOM = 300  # pixels from the lowest to the highest point


def alignment_relation(report: SaliencyReport | None, known: Figures) -> None:
    """Alignment against robustness, a point a network, and the rank correlations in a table."""
    if report is None:
        st.caption("This needs the report over the test images, too: see above how to make it.")
        return
    columns = st.columns(2, gap="large")
    for column, against in zip(columns, SHOWN, strict=True):
        points = alignment_rows(report, known.get(against, {}))
        with column:
            st.html(f'<div class="rs-chart" data-relation="{against}">Alignment and {escape(AGAINST[against])}</div>')
            if points:
                charts.show(
                    relation_figure(points, AGAINST[against], ink()), key=f"saliency-relation-{against}",
                    alt=f"Median alignment of each network against its {AGAINST[against]}",
                )  # fmt: skip
            else:
                st.caption("No network of this report has this figure yet.")
    tables.show(_table([row for row in report.report.rows if row["method"] == "zoo"]), "saliency-relations")
    how_to_read(
        "Each point is a network; the bar is the 95 % interval of its median over the report's images. Published: the "
        "more robust a network, the more its gradient looks like the picture, so the points should climb and the rank "
        "correlation lie above 0. An interval that holds 0 says nothing either way: these are few networks. The "
        "figures on the cards let a distilled network hide its gradient; the area and the other PGD see through it. A "
        "network for which too few changes were found has no area.",
        "Etmann et al. 2019, arXiv:1905.04172; the report saliency, and for the area the report adversarial.",
    )


def alignment_rows(report: SaliencyReport, robust: Mapping[str, float]) -> list[tuple[Row, float]]:
    """The report's rows on alignment, each with the robustness of its network where that is known."""
    return [
        (row, robust[row["model"]])
        for row in report.report.rows
        if row["measure"] == "alignment" and row["model"] in robust and row["value"] is not None
    ]


def relation_figure(points: Sequence[tuple[Row, float]], against: str, colour: str) -> go.Figure:
    """Robustness over the median alignment, a named point a network with the interval of the median."""
    figure = go.Figure()
    across = np.array([row["value"] for row, _ in points], np.float64)
    up = np.array([robust for _, robust in points], np.float64)
    top = float(up.max()) * 1.3 or 1.0
    low, high = min(row["value_low"] for row, _ in points), max(row["value_high"] for row, _ in points)
    left, right = low - 0.1 * (high - low), high + 0.1 * (high - low)
    bottom = -0.05 * top
    for index, (row, robust) in enumerate(points):
        key, tint = str(row["model"]), model_colour(str(row["model"]))
        figure.add_scatter(
            x=[across[index]], y=[robust], mode="markers", showlegend=False,
            marker={"color": tint, "size": 14, "symbol": SYMBOLS[index % len(SYMBOLS)]},
            error_x={
                "type": "data", "symmetric": False, "array": [row["value_high"] - row["value"]],
                "arrayminus": [row["value"] - row["value_low"]], "color": tint, "thickness": 1.5, "width": 4,
            },
            hovertemplate=f"{model_name(key)}: alignment {row['value']:.3f} (n = {row['value_n']}), {against} "
            f"{robust:.3g}<extra></extra>",
        )  # fmt: skip
    keys = [str(row["model"]) for row, _ in points]
    add_names(figure, keys, across, up, (left, right), (bottom, top), (NARROW_PART, ROOM))
    figure.update_xaxes(title="Median alignment (pixel units)", range=[left, right])
    figure.update_yaxes(title=against[0].upper() + against[1:], range=[bottom, top])
    return plain_layout(figure, ROOM + 90, colour, {"l": 60, "r": 16, "t": 16, "b": 52})


def _table(rows: Sequence[Row]) -> str:
    """The rank correlations: a line for what is held against what, with interval and number of networks."""
    lines = ""
    for against in AGAINST:
        for row in rows:
            if row.get("against") != against:
                continue
            title = SALIENCY_MEASURES[str(row["measure"]).removeprefix("relation-")].title
            if row["value"] is None:
                said = f"– <small>too few networks ({row['value_n']}), or all alike</small>"
            else:
                ends = f"{number(row['value_low'])} to {number(row['value_high'])}"
                said = f"<b>{number(row['value'])}</b> <small>({ends}; {row['value_n']} networks)</small>"
            lines += f"<tr><th>{escape(title)}</th><td>{escape(AGAINST[against])}</td><td>{said}</td></tr>"
    return (
        '<div class="rs-wide" tabindex="0"><table class="rs-table rs-narrow-table" data-relations="yes"><tr>'
        f"<th>Median of</th><th>against</th><th>rank correlation over networks</th></tr>{lines}</table></div>"
    )


def methods_matrix(report: SaliencyReport, model: str, methods: Sequence[str], agreement: str) -> NDArray[np.float64]:
    """How much a network's maps of these methods (M, M) agree over the report's images; NaN where nobody looked."""
    stated = list(report.report.settings["methods"])
    values = np.full((len(methods), len(methods)), np.nan)
    found = report.arrays.get(f"within-{agreement}__{model}")
    if found is not None:
        there = [index for index, method in enumerate(methods) if method in stated]
        asked = [stated.index(methods[index]) for index in there]
        values[np.ix_(there, there)] = found[np.ix_(asked, asked)]
    return values


def models_matrix(report: SaliencyReport, method: str, models: Sequence[str], agreement: str) -> NDArray[np.float64]:
    """How much these networks' maps of a method (N, N) agree over the report's images; NaN where nobody looked."""
    stated = list(report.report.settings["methods"])
    values = np.full((len(models), len(models)), np.nan)
    if method not in stated:
        return values
    for row, one in enumerate(models):
        if f"within-{agreement}__{one}" in report.arrays:
            values[row, row] = 1.0
        for column, other in enumerate(models[:row]):
            for pair in ((one, other), (other, one)):
                found = report.arrays.get(f"between-{agreement}__{'__'.join(pair)}")
                if found is not None:
                    values[row, column] = values[column, row] = float(found[stated.index(method)])
    return values
