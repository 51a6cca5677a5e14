"""The charts of the Adversarial page: numbers in, Plotly figures out."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.state.names import model_name
from app.ui.charts import DASHES, SCALE, add_band, faint, plain_layout, steps
from app.ui.colours import model_colour

Array = NDArray[np.floating]


def reach(distances: Sequence[Array], classes: int) -> float:
    """The largest size at which any of these still has more right answers than a guess would."""
    found = 0.0
    for one in distances:
        x, y = steps(one)
        above = x[y > 1 / classes]
        found = max(found, float(above.max()) if len(above) else 0.0)
    return found


def areas(found: Mapping[str, Array], classes: int, top: float, ink: str, kept: str = "Still right") -> go.Figure:
    """The share of images of which `kept` is true against RMSE, a line a model, the area above a guess shaded.

    Where images were never broken, the line goes on flat beyond the largest distance found; no area is counted there.
    """
    figure = go.Figure()
    guess, end = 1 / classes, top * 1.05 or 0.01
    for index, (key, distances) in enumerate(found.items()):
        x, y = steps(distances)
        colour, inside = model_colour(key), y >= guess
        add_band(figure, key, x[inside], np.full(int(inside.sum()), guess) * 100, y[inside] * 100, 0.2)
        beyond = y[-1] > 0 and x[-1] < end
        figure.add_scatter(
            x=[*x, end] if beyond else x,
            y=[*(y * 100), y[-1] * 100] if beyond else y * 100,
            mode="lines",
            name=model_name(key),
            legendgroup=key,
            line={"color": colour, "width": 3, "dash": DASHES[index % len(DASHES)]},
            hovertemplate=f"{model_name(key)}: {kept.lower()} %{{y:.1f}} % at RMSE %{{x:.4f}} (n = {len(distances):,})"
            "<extra></extra>",
        )
    figure.add_hline(y=guess * 100, line={"color": ink, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=1, xref="paper", y=guess * 100, text="a guess", showarrow=False, xanchor="left", xshift=4,
        font={"color": ink, "size": 13},
    )  # fmt: skip
    figure.update_xaxes(title="Size of the change (RMSE)", range=[0, end])
    figure.update_yaxes(title=f"{kept} (%)", range=[0, 100])
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.24, "x": 0})
    return plain_layout(figure, 380, ink, {"l": 56, "r": 64, "t": 12, "b": 16})


def matrix(
    models: Sequence[str],
    accuracy: Mapping[tuple[str, str], float],
    told: Mapping[tuple[str, str], str],
    chosen: tuple[str, str],
    ink: str,
) -> go.Figure:
    """The transfer matrix: a column a source, a row an evaluated model; a click gives `customdata` (source, model).

    Args:
        models: keys, in the order of both axes.
        accuracy: by (source, model), in [0, 1].
        told: what is written on a cell that is pointed at.
        chosen: the cell that is framed.
        ink: colour of text and frame.
    """
    names = [model_name(key) for key in models]
    cells = [(source, model) for model in models for source in models if (source, model) in accuracy]
    values = [[accuracy.get((source, model), np.nan) * 100 for source in models] for model in models]
    figure = go.Figure(
        go.Heatmap(
            x=names, y=names, z=values, zmin=0, zmax=100, xgap=3, ygap=3, hoverinfo="skip",
            colorscale=[[index / (len(SCALE) - 1), colour] for index, colour in enumerate(SCALE)],
            showscale=False,
        )
    )  # fmt: skip
    dark = [accuracy[cell] < 0.18 or accuracy[cell] > 0.82 for cell in cells]
    clear = {"marker": {"opacity": 0.0}}
    figure.add_scatter(  # heat maps can't be clicked: these points can, and carry the figures
        x=[model_name(source) for source, _ in cells],
        y=[model_name(model) for _, model in cells],
        mode="markers+text",
        marker={"size": 40, "symbol": "square", "opacity": 0.0},
        text=[f"{accuracy[cell] * 100:.0f}" for cell in cells],
        textfont={"size": 18, "color": ["#FFFFFF" if one else "#111111" for one in dark]},
        customdata=[list(cell) for cell in cells],
        hovertext=[told[cell] for cell in cells],
        hovertemplate="%{hovertext}<extra></extra>",
        selected=clear,
        unselected=clear,
        showlegend=False,
    )
    for index, key in enumerate(models):
        figure.add_shape(**_frame(index, index, faint(ink, 0.55), 1.5))
        if key == chosen[0] and chosen[1] in models:
            figure.add_shape(**_frame(index, list(models).index(chosen[1]), ink, 4))
    figure.update_xaxes(title="made against", side="top", showgrid=False)
    figure.update_yaxes(title="asked", autorange="reversed", showgrid=False)
    return plain_layout(figure, 110 + 48 * len(models), ink, {"l": 8, "r": 8, "t": 8, "b": 8})


def _frame(column: int, row: int, colour: str, width: float) -> dict[str, object]:
    return {
        "type": "rect", "x0": column - 0.49, "x1": column + 0.49, "y0": row - 0.49, "y1": row + 0.49,
        "line": {"color": colour, "width": width},
    }  # fmt: skip
