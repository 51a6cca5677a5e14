"""What all charts share: layout, symbols, labels that do not overlap, and the files of what they show."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from app.state.names import model_name
from app.state.result_cache import cached_result
from app.ui import chart_png
from app.ui.colours import model_colour
from app.ui.downloads import downloads
from app.ui.figure_files import figure_csv, figure_npz
from app.ui.label_places import place_labels

Array = NDArray[np.floating]
Range = tuple[float, float]
SCALE = ("#7A3A06", "#CC8433", "#F3DDBF", "#8CC7C6", "#06565C")  # none right, half, all right

MOST_POINTS = 300


def steps(distances: Array) -> tuple[Array, Array]:
    """The corners (x, y) of the share of images whose distance is above x, from x = 0; y in [0, 1].

    Args:
        distances: (n,), 0 where an image is wrong already, infinite where nothing was found.
    """
    e = np.sort(np.asarray(distances, np.float64))
    finite = e[np.isfinite(e)]
    at = np.concatenate([[0.0], np.unique(finite[finite > 0])])
    share = 1 - np.searchsorted(e, at, side="right") / len(e)
    if len(at) > MOST_POINTS:  # thinned where it makes no difference to the eye
        keep = np.unique(np.linspace(0, len(at) - 1, MOST_POINTS).astype(int))
        at, share = at[keep], share[keep]
    return np.repeat(at, 2)[1:], np.repeat(share, 2)[:-1]


PER_INCH, PRINT = 96, 300  # a CSS pixel is 1/96 inch; a saved chart has 300 dots an inch at its size on the screen

SYMBOLS = (
    "circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star", "hexagon", "pentagon",
    "triangle-left", "triangle-right", "hourglass", "bowtie", "star-square", "hexagram",
)  # fmt: skip
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Of points and of lines, by the network's place in its chart: some colours look alike to who lacks a kind of cone."""

LABEL_GAP = 19  # pixels between the names of two points

LETTER = 7.6  # pixels of a letter of a name, about

WIDER = (1.0, 1.2, 1.8)  # the area of a chart across, by its narrowest: on a phone, a laptop, a large screen
NARROW, NARROW_PART = 275, 248  # pixels of the area of a chart across on a phone: on a page, in a part that unfolds


def spread_labels(places: Array, gap: float) -> Array:
    """The places, moved up where needed so that any two are at least `gap` apart; their order stays."""
    moved = np.array(places, dtype=np.float64)
    last = -np.inf
    for index in np.argsort(moved, kind="stable"):
        last = moved[index] = max(moved[index], last + gap)
    return moved


def plain_layout(figure: go.Figure, height: int, ink: str, margin: Mapping[str, int]) -> go.Figure:
    """What all charts share: no dragging, which would catch a finger that scrolls, and text in strong ink.

    Set one by one, which costs 2 ms a chart where Plotly's `update_` takes 8.
    """
    layout = figure.layout
    layout.height, layout.margin, layout.dragmode = height, dict(margin), False
    layout.font = {"color": ink, "size": 14}
    layout.legend.font = {"color": ink, "size": 13}  # else it is in Streamlit's, which may miss a change of the theme
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        axis.fixedrange = True
        axis.title.font = {"size": 14, "color": ink}
        axis.tickfont = {"size": 13, "color": ink}
    return figure


def faint(colour: str, opacity: float) -> str:
    """A colour "#rrggbb" as rgba."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def add_band(figure: go.Figure, key: str, x: Array, low: Array, high: Array, opacity: float) -> None:
    """The area between two lines over `x` in a network's colour, which its entry in the legend hides as well."""
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]), y=np.concatenate([high, low[::-1]]), mode="lines", fill="toself",
        fillcolor=faint(model_colour(key), opacity), line={"width": 0}, hoverinfo="skip", showlegend=False,
        legendgroup=key,
    )  # fmt: skip


def add_names(
    figure: go.Figure,
    keys: Sequence[str],
    x: Array,
    y: Array,
    across: Range,
    up: Range,
    room: Range,
    bars: Array | None = None,
) -> None:
    """The names of networks beside their points, clear of one another and inside of the chart.

    Args:
        figure: what they are added to.
        keys: of the networks.
        x: where the points are, in the axis's unit.
        y: likewise.
        across: the ends of the axis of x.
        up: those of the axis of y.
        room: width and height of the chart's area, in pixels, where it is narrowest.
        bars: the ends of each point's upright error bar (N, 2), in the unit of y.
    """
    ends = np.array([across, up], np.float64)
    points = (np.stack([x, y], 1) - ends[:, 0]) / np.ptp(ends, axis=1)
    sizes = np.array([(LETTER * len(model_name(key)) + 6, LABEL_GAP) for key in keys], np.float64).reshape(-1, 2)
    upright = None if bars is None else (bars - up[0]) / (up[1] - up[0])
    given = tuple(part.tobytes() for part in (points, sizes, upright) if part is not None)
    offsets = _places((given, room), points, sizes, room, upright)
    for index, key in enumerate(keys):
        figure.add_annotation(
            x=x[index], y=y[index], ax=float(offsets[index, 0]), ay=-float(offsets[index, 1]), xanchor="center",
            yanchor="middle", text=f"<b>{model_name(key)}</b>", arrowhead=0, arrowwidth=1,
            arrowcolor=model_colour(key), standoff=9, font={"size": 14},
        )  # fmt: skip


def saving(name: str) -> dict[str, Any]:
    """The configuration of a chart whose one button saves it as PNG of 300 dpi, under this name."""
    image = {"format": "png", "filename": name, "scale": PRINT / PER_INCH}
    return {"displaylogo": False, "modeBarButtons": [["toImage"]], "toImageButtonOptions": image}


def show(figure: go.Figure, key: str, alt: str, **how: Any) -> Any:
    """A chart with its files below it: its picture as it is drawn, and its values.

    Args:
        figure: what is shown.
        key: of the element, and the files' name.
        alt: what it says, for those who do not see it.
        how: what else the element takes, such as what a click on it does.
    """
    shown = st.plotly_chart(figure, config=saving(key), key=key, alt=alt, **how)
    values = partial(figure_csv, figure), partial(figure_npz, figure, alt)
    downloads(key, ("CSV", "csv", values[0]), ("NPZ", "npz", values[1]), quiet=True, before=chart_png.button)
    return shown


@cached_result
def _places(given: tuple[object, ...], _points: Array, _sizes: Array, _room: Range, _bars: Array | None) -> Array:
    """The places of names, which are searched for: a page draws the same chart again with every run."""
    return place_labels(_points, _sizes, [(wider * _room[0], _room[1]) for wider in WIDER], _bars)
