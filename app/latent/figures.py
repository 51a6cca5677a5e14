"""The charts of the Latent page's report: numbers in, Plotly figures out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.state.names import model_name
from app.ui.charts import DASHES, NARROW_PART, SYMBOLS, add_names, plain_layout, steps
from app.ui.colours import model_colour

HEIGHT, ROOM = 420, 330  # pixels of the scatter, and of its plane


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a report with its 95 % interval, and of how many images, codes or networks."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis shows.

    Attributes:
        title: with its unit.
        share: whether its values are shares, which are written in percent.
    """

    title: str
    share: bool = False

    def in_unit(self, value: float) -> float:
        """A value as the axis has it."""
        return value * 100 if self.share else value

    def text(self, value: float) -> str:
        """A value in words."""
        return f"{value * 100:.1f} %" if self.share else f"{value:.3f}"


def against(points: Mapping[str, tuple[Figure, Figure]], across: Axis, up: Axis, ink: str) -> go.Figure:
    """One figure of each network against another, a point (x, y) a network with bars and its name beside it."""
    x = np.array([across.in_unit(point[0].value) for point in points.values()])
    y = np.array([up.in_unit(point[1].value) for point in points.values()])
    ends = [_ends(axis, [point[which] for point in points.values()]) for which, axis in ((0, across), (1, up))]
    (left, right), (bottom, top) = ends
    figure = go.Figure()
    for index, (key, (one, other)) in enumerate(points.items()):
        colour = model_colour(key)
        figure.add_scatter(
            x=[x[index]],
            y=[y[index]],
            mode="markers",
            name=model_name(key),
            marker={"color": colour, "size": 15, "symbol": SYMBOLS[index % len(SYMBOLS)]},
            error_x=_bar(across, one, colour),
            error_y=_bar(up, other, colour),
            hovertemplate=f"{model_name(key)}: {across.title} {across.text(one.value)} (n = {one.n:,}), {up.title} "
            f"{up.text(other.value)} (n = {other.n:,})<extra></extra>",
        )
    bars = np.array([(up.in_unit(other.low), up.in_unit(other.high)) for _, other in points.values()])
    add_names(figure, list(points), x, y, (left, right), (bottom, top), (NARROW_PART, ROOM), bars)
    figure.update_xaxes(title=across.title + (" (%)" if across.share else ""), range=[left, right])
    figure.update_yaxes(title=up.title + (" (%)" if up.share else ""), range=[bottom, top])
    figure.update_layout(showlegend=False)
    return plain_layout(figure, HEIGHT, ink, {"l": 60, "r": 16, "t": 28, "b": 56})


def _ends(axis: Axis, figures: Sequence[Figure]) -> tuple[float, float]:
    """The ends of an axis on which all intervals and a little more have room."""
    low, high = (
        axis.in_unit(end(each)) for end, each in ((min, [f.low for f in figures]), (max, [f.high for f in figures]))
    )
    margin = 0.12 * (high - low) or 0.1 * abs(high) or 0.1
    return low - margin, high + margin


def _bar(axis: Axis, figure: Figure, colour: str) -> dict[str, object]:
    """An error bar over a figure's interval."""
    value, low, high = (axis.in_unit(each) for each in (figure.value, figure.low, figure.high))
    return {
        "type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low], "color": colour,
        "thickness": 1.5, "width": 4,
    }  # fmt: skip


def standing(found: Mapping[str, NDArray[np.floating]], top: float, usual: float, ink: str) -> go.Figure:
    """The share of codes that no change within a radius fools, a line a network; `usual` is where noise would go.

    Args:
        found: smallest scaled norms, 0 where wrong already, infinite where nothing was found.
        top: the end of the radii.
        usual: the typical length of the noise.
        ink: colour of text.
    """
    figure = go.Figure()
    for index, (key, distances) in enumerate(found.items()):
        x, y = steps(distances)
        figure.add_scatter(
            x=[*x, max(top, float(x[-1]))],
            y=[*(y * 100), y[-1] * 100],
            mode="lines",
            name=model_name(key),
            line={"color": model_colour(key), "width": 3, "dash": DASHES[index % len(DASHES)]},
            hovertemplate=f"{model_name(key)}: still right %{{y:.1f}} % at ρ = %{{x:.2f}} (n = {len(distances):,})"
            "<extra></extra>",
        )
    figure.add_vline(x=usual, line={"color": ink, "width": 1, "dash": "dot"})
    inwards = "right" if usual > top / 2 else "left"
    figure.add_annotation(
        x=usual, y=1.0, yref="paper", yanchor="bottom", xanchor=inwards, text="length of the noise", showarrow=False,
        font={"color": ink, "size": 13},
    )  # fmt: skip
    figure.update_xaxes(title="Radius around the decayed code, ρ (scaled)", range=[0, top])
    figure.update_yaxes(title="Still right (%)", range=[0, 100])
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.24, "x": 0})
    return plain_layout(figure, HEIGHT, ink, {"l": 56, "r": 16, "t": 28, "b": 16})
