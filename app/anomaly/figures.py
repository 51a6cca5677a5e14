"""The charts of the Anomaly page: numbers in, Plotly figures out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.anomaly.names import alpha_text
from app.state.names import model_name
from app.ui.charts import SYMBOLS, faint, plain_layout, spread_labels
from app.ui.colours import model_colour

Array = NDArray[np.floating]
ALARM = "#C0392B"  # as `rs-changed` in the style sheet
BINS = 40
MAP_HEIGHT = 400
MAP_NAME_GAP = 14  # pixels
_NUMBERED = re.compile(
    r"([A-Za-z_]+\.?\d+)\.[^.]+\."
)  # a stage, as in stages.0.1.conv1.weight and layer1.0.conv1.weight
_FAR = 0.18  # of the axis, beyond the normal scores, for a picture that lies further out


def logarithmic(normals: Array) -> bool:
    """Whether scores are shown on a logarithmic axis: all above zero, and of very different size."""
    return bool(normals.min() > 0 and normals.max() > 4 * normals.min())


def distribution(normals: Array, score: float, cut: float, key: str, ink: str) -> go.Figure:
    """Where a picture's score stands among those of normal pictures; what lies beyond the threshold is red.

    Args:
        normals: scores of normal pictures (n,).
        score: the picture's.
        cut: the smallest score that is flagged; infinite where none is.
        key: of the network.
        ink: colour of text.
    """
    log = logarithmic(normals) and score > 0
    along = np.log10 if log else np.asarray
    values, at = along(normals), float(along(score))
    low, high = float(values.min()), float(values.max())
    width = high - low or 1.0
    edges = np.linspace(low, low + width, BINS + 1)
    counts, _ = np.histogram(values, edges)
    middle = (edges[1:] + edges[:-1]) / 2
    beyond = middle >= (float(along(cut)) if np.isfinite(cut) else np.inf)
    end = max(high, min(at, high + 2 * width)) + _FAR * width
    start = min(low, max(at, low - width)) - 0.04 * width
    place = float(np.clip(at, start, end))
    figure = go.Figure(
        go.Bar(
            x=middle, y=counts / len(values) * 100, width=np.diff(edges), marker={"line": {"width": 0}},
            marker_color=[ALARM if one else faint(model_colour(key), 0.6) for one in beyond],
            hovertemplate="%{y:.1f} % of normal pictures<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=place, line={"color": ink, "width": 3})
    right = place < (start + end) / 2
    figure.add_annotation(
        x=place, y=1, yref="paper", yanchor="top", xanchor="left" if right else "right", showarrow=False,
        text="<b>this picture</b>" if at <= end else "<b>this picture</b>, further out →",
        xshift=6 if right else -6, font={"color": ink, "size": 15},
    )  # fmt: skip
    figure.update_xaxes(title="Score, higher is odder" + (" (logarithmic)" if log else ""), range=[start, end])
    figure.update_xaxes(tickvals=_marks(start, end) if log else None)
    if log:
        figure.update_xaxes(ticktext=[f"{10**mark:g}" for mark in _marks(start, end)])
    figure.update_yaxes(visible=False, range=[0, counts.max() / len(values) * 135])
    figure.update_layout(showlegend=False, bargap=0)
    return plain_layout(figure, 210, ink, {"l": 8, "r": 8, "t": 8, "b": 44})


def _marks(start: float, end: float) -> list[float]:
    """Logarithms of round numbers from `start` to `end`, few enough to be read."""
    marks = [power + np.log10(digit) for power in range(-12, 13) for digit in (1, 2, 5)]
    inside = [float(mark) for mark in marks if start <= mark <= end]
    return inside if len(inside) < 9 else [mark for mark in inside if abs(mark - round(mark)) < 1e-9]


def profile(
    names: Sequence[str], band: Array, layers: Array, span: tuple[float, float], key: str, ink: str,
    before: Array | None = None,
) -> go.Figure:  # fmt: skip
    """An image's log-norm on each tensor over the band of normal pictures; what is outside of the band is red.

    Args:
        names: of the tensors, M of them, in the network's order.
        band: 5, 50 and 95 % points of normal pictures (3, M).
        layers: the image's log-norms (M,).
        span: of the axis.
        key: of the network.
        ink: colour of text.
        before: log-norms of the image before it was changed (M,), drawn hollow.
    """
    at, colour = list(range(len(names))), model_colour(key)
    outside = (layers < band[0]) | (layers > band[2])
    figure = go.Figure(
        go.Bar(
            x=at, y=band[2] - band[0], base=band[0], width=0.8, marker={"color": faint(colour, 0.28)}, hoverinfo="skip"
        )
    )
    figure.add_scatter(
        x=at, y=band[1], mode="markers", hoverinfo="skip",
        marker={"symbol": "line-ew", "size": max(5, 150 // len(names)), "line": {"color": colour, "width": 2}},
    )  # fmt: skip
    if before is not None:
        hollow = {"color": "rgba(0,0,0,0)", "line": {"color": faint(ink, 0.6), "width": 2}}
        figure.add_scatter(
            x=at, y=before, mode="markers", hoverinfo="skip", marker={"size": _size(len(names)), **hollow}
        )
    figure.add_scatter(
        x=at, y=layers, mode="markers", text=list(names),
        marker={"size": _size(len(names)) + 1, "color": [ALARM if one else ink for one in outside]},
        hovertemplate="%{text}: 10<sup>%{y:.2f}</sup><extra></extra>",
    )  # fmt: skip
    stages = _stages(names)
    starts = [index for index in at if index == 0 or stages[index] != stages[index - 1]]
    for index in starts[1:]:
        figure.add_vline(x=index - 0.5, line={"color": faint(ink, 0.25), "width": 1})
    ends = [*starts[1:], len(names)]
    figure.update_xaxes(
        tickvals=[(first + last - 1) / 2 for first, last in zip(starts, ends, strict=True)],
        ticktext=[stages[index] for index in starts], range=[-0.7, len(names) - 0.3], showgrid=False, zeroline=False,
        tickangle=0, title="Stage of the network",
    )  # fmt: skip
    figure.update_yaxes(title="log₁₀ of squared norm", range=list(span), zeroline=False)
    figure.update_layout(showlegend=False)
    return plain_layout(figure, 300, ink, {"l": 48, "r": 8, "t": 8, "b": 48})


def span_of(arrays: Sequence[Array]) -> tuple[float, float]:
    """The axis that holds all of these."""
    low, high = min(float(one.min()) for one in arrays), max(float(one.max()) for one in arrays)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _size(count: int) -> int:
    return 9 if count <= 24 else 7


def _stages(names: Sequence[str]) -> list[str]:
    """Which part of the network each tensor belongs to: its numbered parts counted, what stands before and after."""
    parts: list[str] = []
    found = []
    for name in names:
        numbered = _NUMBERED.match(name)
        if numbered and numbered[1] not in parts:
            parts.append(numbered[1])
        found.append(str(len(parts)) if numbered else "out" if parts else "in")
    return found


def course(
    found: Mapping[str, Array], strengths: Sequence[str], step: int, alpha: float, least: float, ink: str
) -> go.Figure:
    """p-values of the networks against the strength of a change; below the dotted line a picture is flagged.

    Args:
        found: by network the p-values (S,).
        strengths: in words, S of them.
        step: the one that is shown.
        alpha: the false-alarm rate.
        least: the smallest p-value that the number of normal pictures allows.
        ink: colour of text.
    """
    figure, at = go.Figure(), np.arange(len(strengths))
    for index, (key, p_values) in enumerate(found.items()):
        figure.add_scatter(
            x=at, y=p_values * 100, mode="lines+markers", name=model_name(key),
            line={"color": model_colour(key), "width": 3},
            marker={"size": [16 if one == step else 8 for one in at], "symbol": SYMBOLS[index]},
            hovertemplate=f"{model_name(key)}, %{{customdata}}: %{{y:.2g}} % of normal pictures<extra></extra>",
            customdata=list(strengths),
        )  # fmt: skip
    figure.add_hline(y=alpha * 100, line={"color": ALARM, "width": 2, "dash": "dot"})
    figure.add_annotation(
        x=1, xref="paper", xanchor="right", y=np.log10(alpha * 100), yanchor="top", showarrow=False,
        text=f"flagged below {alpha_text(alpha)}", font={"color": ink, "size": 14},
    )  # fmt: skip
    figure.add_vline(x=step, line={"color": faint(ink, 0.4), "width": 1})
    figure.update_xaxes(tickvals=at, ticktext=list(strengths), showgrid=False)
    marks = [mark for mark in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if mark >= least * 80]
    figure.update_yaxes(
        type="log", title="Normal pictures as odd", tickvals=marks, ticktext=[f"{mark:g} %" for mark in marks],
        range=[np.log10(least * 80), np.log10(130)],
    )  # fmt: skip
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return plain_layout(figure, 340, ink, {"l": 64, "r": 12, "t": 36, "b": 36})


def many(found: Mapping[str, Array], alpha: float, ink: str) -> go.Figure:
    """How many pictures have which p-value, a line of bars a network; normal pictures would be spread evenly."""
    figure, edges = go.Figure(), np.linspace(0, 1, 21)
    for key, p_values in found.items():
        counts, _ = np.histogram(p_values, edges)
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) * 50, y=counts, name=model_name(key), marker={"color": model_colour(key)},
            hovertemplate=f"{model_name(key)}: %{{y}} pictures with %{{x:.1f}} ± 2.5 %<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=alpha * 100, line={"color": ALARM, "width": 2, "dash": "dot"})
    figure.add_annotation(
        x=alpha * 100, y=1, yref="paper", yanchor="bottom", xanchor="left", showarrow=False,
        text=f"← flagged at {alpha_text(alpha)}", font={"color": ink, "size": 14},
    )  # fmt: skip
    figure.update_xaxes(title="Share of normal pictures that look at least this odd (%)", range=[0, 100])
    figure.update_yaxes(title="Pictures")
    figure.update_layout(
        barmode="group", bargap=0.12, legend={"orientation": "h", "y": 1.06, "yanchor": "bottom", "x": 0.4}
    )
    return plain_layout(figure, 320, ink, {"l": 56, "r": 12, "t": 40, "b": 52})


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """Pictures on a map.

    Attributes:
        places: where (n, 2).
        keys: by which a click opens them.
        told: what is written on one that is pointed at.
        middles: by class where its pictures' middle lies (2,).
        moved: where an attack takes each (n, 2); None while that is not known.
        turned: what is written on one that was moved.
    """

    places: Array
    keys: Sequence[str]
    told: Sequence[str]
    middles: Mapping[str, Array]
    moved: Array | None = None
    turned: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """Unfamiliar pictures on a map.

    Attributes:
        places: where (m, 2).
        near: where the nearest familiar picture of each is (m, 2).
        told: what is written on one that is pointed at.
    """

    places: Array
    near: Array
    told: Sequence[str]


def embedding(dots: Dots, pull: Array, strangers: Strangers, colour: str, ink: str) -> go.Figure:
    """A map of pictures; a click on a dot gives its key as `customdata`.

    Args:
        dots: familiar pictures.
        pull: where the picture that is looked at lies, and where an attack takes it (2, 2).
        strangers: unfamiliar ones.
        colour: of the network.
        ink: colour of text.
    """
    figure = go.Figure()
    if len(strangers.places):
        joined = np.full((len(strangers.places), 3, 2), np.nan)
        joined[:, 0], joined[:, 1] = strangers.places, strangers.near
        figure.add_scatter(
            x=joined[..., 0].ravel(), y=joined[..., 1].ravel(), mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": faint(ALARM, 0.35), "width": 1},
        )  # fmt: skip
        figure.add_scatter(
            x=strangers.places[:, 0], y=strangers.places[:, 1], mode="markers", name="unfamiliar",
            marker={"symbol": "diamond-open", "size": 9, "color": ALARM}, hovertext=strangers.told,
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    same = {"marker": {"opacity": 0.6}}
    if dots.moved is not None:
        _arrows(figure, dots, dots.moved, faint(colour, 0.45))
    figure.add_scatter(
        x=dots.places[:, 0], y=dots.places[:, 1], mode="markers", name="gallery", hovertext=dots.told,
        marker={"size": 8, "color": colour, "opacity": 0.6}, customdata=[[key] for key in dots.keys],
        hovertemplate="%{hovertext}<extra></extra>", selected=same, unselected=same,
    )  # fmt: skip
    figure.add_scatter(
        x=pull[:, 0], y=pull[:, 1], mode="markers", name="your picture, and attacked", hoverinfo="skip",
        marker={"symbol": ["star", "x"], "size": [17, 13], "color": ink},
    )  # fmt: skip
    figure.add_annotation(
        x=pull[1, 0], y=pull[1, 1], ax=pull[0, 0], ay=pull[0, 1], xref="x", yref="y", axref="x", ayref="y",
        arrowhead=2, arrowsize=1.2, arrowwidth=2.5, arrowcolor=ink, text="",
    )  # fmt: skip
    _name_middles(figure, dots, strangers, ink)
    figure.update_xaxes(showticklabels=False, title="first principal component", zeroline=False)
    figure.update_yaxes(showticklabels=False, title="second", zeroline=False)
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    return plain_layout(figure, MAP_HEIGHT, ink, {"l": 26, "r": 8, "t": 48, "b": 34})


def _arrows(figure: go.Figure, dots: Dots, moved: Array, colour: str) -> None:
    """From each dot to where an attack takes it; a click on an arrow's head opens the dot's picture."""
    gaps = np.full_like(moved, np.nan)
    ways = np.stack([dots.places, moved, gaps], 1).reshape(-1, 2)
    same = {"marker": {"opacity": 1}}
    figure.add_scatter(
        x=ways[:, 0], y=ways[:, 1], mode="lines+markers", name="attacked", line={"color": colour, "width": 1},
        marker={"symbol": "arrow", "angleref": "previous", "size": [0, 9, 0] * len(moved), "color": colour},
        customdata=[[key] for key in dots.keys for _ in range(3)], selected=same, unselected=same,
        hovertext=[told for told in dots.turned for _ in range(3)], hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _name_middles(figure: go.Figure, dots: Dots, strangers: Strangers, ink: str) -> None:
    """The names of classes at their middles, moved up where two would lie on each other."""
    if not dots.middles:
        return
    every = np.concatenate([dots.places, strangers.places])[:, 1]
    scale = (MAP_HEIGHT - 82) / (float(np.ptp(every)) or 1.0)
    middles = np.stack([*dots.middles.values()])
    heights = middles[:, 1] * scale
    moved = spread_labels(heights, MAP_NAME_GAP) - heights
    for (name, (x, y)), up in zip(dots.middles.items(), moved, strict=True):
        figure.add_annotation(
            x=x, y=y, yshift=float(up), text=f"<b>{name}</b>", showarrow=False, font={"color": ink, "size": 12},
        )  # fmt: skip
