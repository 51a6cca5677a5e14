"""The charts of counted answers: shares by class, confusions, and how sure a network is against how right."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from app.state.names import model_name
from app.ui.charts import SYMBOLS, faint, plain_layout
from app.ui.colours import model_colour
from core.metrics.calibration import Reliability
from core.metrics.confusion import ClassShare, Counts

BAND = 0.34  # of a class's row, over which the points of the networks spread

Pair = tuple[Sequence[ClassShare], Sequence[ClassShare]]


def by_class(names: Sequence[str], shares: Mapping[str, Pair], ink: str) -> go.Figure:
    """A row a class, in it two points a network: its share of right answers, clean (hollow) and attacked (filled)."""
    figure = go.Figure()
    rows = np.arange(len(names))
    for index, (key, pair) in enumerate(shares.items()):
        for attacked, found in enumerate(pair):
            known = [place for place, share in enumerate(found) if share.n]
            value, low, high = (
                np.array([getattr(found[place], end) for place in known]) * 100 for end in ("value", "low", "high")
            )
            colour, words = model_colour(key), ("clean", "attacked")[attacked]
            place = (index * 2 + attacked + 0.5) / (2 * len(shares)) * 2 - 1
            figure.add_scatter(
                x=value,
                y=rows[known] + place * BAND,
                mode="markers",
                name=f"{model_name(key)}, {words}",
                marker={"color": colour, "size": 10, "symbol": SYMBOLS[index] + ("" if attacked else "-open"),
                        "line": {"width": 2, "color": colour}},
                error_x={"type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
                         "color": colour, "thickness": 1.5, "width": 3},
                cliponaxis=False,
                customdata=[[names[place], found[place].hits, found[place].n] for place in known],
                hovertemplate=f"%{{customdata[0]}}, {model_name(key)}, {words}: %{{x:.0f}} % "
                "(%{customdata[1]} of %{customdata[2]})<extra></extra>",
            )  # fmt: skip
    figure.update_xaxes(title="Right answers (%)", range=[-2, 102])
    figure.update_yaxes(
        tickvals=rows,
        ticktext=list(names),
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return plain_layout(figure, 120 + 46 * len(names), ink, {"l": 8, "r": 16, "t": 60, "b": 52})


def confusions(names: Sequence[str], counts: Counts, colour: str, ink: str) -> go.Figure:
    """A confusion matrix (K, K) with its counts; shades go with the share of the row, the true class."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    many = len(names) > 12
    figure = go.Figure(
        go.Heatmap(
            x=list(names), y=list(names), z=shares * 100, zmin=0, zmax=100, xgap=1, ygap=1, showscale=False,
            colorscale=[[0, faint(colour, 0.04)], [1, faint(colour, 1)]], customdata=counts,
            hovertemplate="%{y} taken for %{x}: %{customdata} (%{z:.0f} % of them)<extra></extra>",
        )
    )  # fmt: skip
    rows, columns = np.nonzero(counts)
    titles = np.array(names)
    figure.add_scatter(  # a heat map's own texts have one colour, which some shade hides
        x=titles[columns], y=titles[rows], mode="text", hoverinfo="skip",
        text=counts[rows, columns].astype(str), showlegend=False,
        textfont={"size": 9 if many else 12, "color": np.where(shares[rows, columns] > 0.5, "#FFFFFF", ink)},
    )  # fmt: skip
    figure.update_xaxes(title="answer", side="bottom", showgrid=False, tickangle=-60, automargin=True)
    figure.update_yaxes(title="true class", autorange="reversed", showgrid=False, automargin=True)
    plain_layout(figure, 200 + (20 if many else 32) * len(names), ink, {"l": 8, "r": 8, "t": 8, "b": 8})
    return figure.update_xaxes(tickfont={"size": 11}).update_yaxes(tickfont={"size": 11})


def reliability_plot(found: Mapping[str, Reliability], colour: str, ink: str) -> go.Figure:
    """The share of right answers against confidence, a line for each kind of image; the diagonal is perfect."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": ink, "width": 1, "dash": "dot"}, showlegend=False,
        hoverinfo="skip",
    )  # fmt: skip
    for index, (name, one) in enumerate(found.items()):
        known = one.counts > 0
        share = one.counts[known] / one.counts.sum()
        figure.add_scatter(
            x=one.confidence[known] * 100,
            y=one.accuracy[known] * 100,
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2, "dash": ("dash", "solid")[index % 2]},
            marker={"size": 7 + 22 * np.sqrt(share), "symbol": ("circle-open", "circle")[index % 2],
                    "line": {"width": 2, "color": colour}},
            cliponaxis=False,
            customdata=one.counts[known],
            hovertemplate=f"{name}: %{{y:.0f}} % right at %{{x:.0f}} % sure, %{{customdata}} images<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="Confidence (%)", range=[-3, 103])
    figure.update_yaxes(title="Right answers (%)", range=[-3, 103])
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return plain_layout(figure, 380, ink, {"l": 56, "r": 8, "t": 40, "b": 52})
