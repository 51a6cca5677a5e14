"""The charts of the report `anomaly`: AUROC by set, and by severity of corruptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.anomaly.names import FAMILIES, against_name
from app.state.names import model_name
from app.ui.charts import SCALE, SYMBOLS, faint, plain_layout
from app.ui.colours import model_colour


@dataclass(frozen=True, slots=True)
class Point:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def shade(value: float) -> tuple[str, str]:
    """Ground and text colour of a figure in [0, 1]: brown at 0, pale at 0.5, green at 1."""
    at = min(max(value, 0.0), 1.0) * (len(SCALE) - 1)
    knots = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in SCALE])
    red, green, blue = (round(np.interp(at, range(len(SCALE)), knots[:, channel])) for channel in range(3))
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 140
    return f"rgb({red} {green} {blue})", "#FFFFFF" if dark else "#14273D"


def against(found: Mapping[str, Mapping[tuple[str, str], Point]], models: Sequence[str], ink: str) -> go.Figure:
    """AUROC on each attack and set, a mark and an interval a network; a panel a family.

    Args:
        found: by family, and by network and what stands against the normal pictures.
        models: keys, in their order.
        ink: colour of text.
    """
    sets = {family: list(dict.fromkeys(name for _, name in points)) for family, points in found.items()}
    figure = make_subplots(
        len(found), 1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[len(names) for names in sets.values()],
        subplot_titles=[FAMILIES[family] for family in found],
    )  # fmt: skip
    for row, (family, points) in enumerate(found.items(), start=1):
        names = sets[family]
        for index, key in enumerate(models):
            there = [name for name in names if (key, name) in points]
            own = [points[key, name] for name in there]
            figure.add_scatter(
                x=[one.value for one in own],
                y=[names.index(name) + (index - (len(models) - 1) / 2) * 0.2 for name in there],
                error_x={
                    "type": "data", "symmetric": False, "array": [one.high - one.value for one in own],
                    "arrayminus": [one.value - one.low for one in own], "thickness": 2, "width": 0,
                },
                mode="markers", name=model_name(key), legendgroup=key, showlegend=row == 1,
                marker={"size": 12, "color": model_colour(key), "symbol": SYMBOLS[index]},
                customdata=[against_name(name) for name in there],
                hovertemplate=f"{model_name(key)}, %{{customdata}}: %{{x:.3f}}<extra></extra>",
                row=row, col=1,
            )  # fmt: skip
        figure.update_yaxes(
            tickvals=list(range(len(names))), ticktext=[against_name(name) for name in names],
            range=[len(names) - 0.5, -0.5], row=row, col=1,
        )  # fmt: skip
    lowest = min((one.low for points in found.values() for one in points.values()), default=0.5)
    figure.add_vline(x=0.5, line={"color": ink, "width": 1, "dash": "dot"})
    figure.update_xaxes(range=[min(0.45, lowest - 0.02), 1.01])
    figure.update_xaxes(title="AUROC (0.5: a guess)", row=len(found), col=1)
    figure.update_yaxes(showgrid=True, zeroline=False)
    figure.update_annotations(x=0, xanchor="left", font={"size": 15, "color": ink})
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.04, "x": 0})
    lines = sum(map(len, sets.values()))
    return plain_layout(figure, 34 * lines + 40 * len(found) + 120, ink, {"l": 8, "r": 16, "t": 60, "b": 48})


def span_of(found: Mapping[str, Mapping[str, Sequence[Point]]]) -> tuple[float, float]:
    """The axis that all these corruptions share: down to a guess at least."""
    low = min(one.low for by_model in found.values() for points in by_model.values() for one in points)
    return min(0.45, low - 0.02), 1.02


def severity(found: Mapping[str, Sequence[Point]], span: tuple[float, float], ink: str) -> go.Figure:
    """AUROC against the severity of a corruption, a line and a band a network."""
    figure = go.Figure()
    for index, (key, points) in enumerate(found.items()):
        at, colour = list(range(1, len(points) + 1)), model_colour(key)
        figure.add_scatter(
            x=[*at, *at[::-1]], y=[*(one.high for one in points), *(one.low for one in reversed(points))],
            mode="lines", fill="toself", fillcolor=faint(colour, 0.15), line={"width": 0}, hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(
            x=at, y=[one.value for one in points], mode="lines+markers", line={"color": colour, "width": 3},
            marker={"size": 8, "symbol": SYMBOLS[index]},
            hovertemplate=f"{model_name(key)}, severity %{{x}}: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=0.5, line={"color": ink, "width": 1, "dash": "dot"})
    figure.update_xaxes(tickvals=[1, 2, 3, 4, 5], title="Severity")
    figure.update_yaxes(title="AUROC", range=list(span))
    figure.update_layout(showlegend=False)
    return plain_layout(figure, 220, ink, {"l": 48, "r": 8, "t": 8, "b": 44})
