"""The charts of the Models page: numbers in, Plotly figures out. Colours follow the model, text follows the theme."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from app.models.standings import Share
from app.state.names import model_name
from app.ui.charts import NARROW, SYMBOLS, Array, add_band, add_names, faint, plain_layout
from app.ui.colours import model_colour
from core.metrics.survival_curve import SurvivalCurve
from core.norms import Norm

ODDS = 12.0  # log-odds at which the histograms end; what lies beyond is counted in the last bar

BINS = 36

NO_GRADIENT = 1e-12  # gradients shorter than this are drawn here: a logarithmic axis has no zero

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

LOSS_MARKS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)


def curves(found: Mapping[str, SurvivalCurve], norm: Norm, reported: float, ink: str) -> go.Figure:
    """Accuracy against epsilon, a line and a 95 % band a model; the reported radius is marked."""
    unit = 255.0 if norm == "linf" else 1.0
    figure = go.Figure()
    for index, (key, curve) in enumerate(found.items()):
        radii, colour = curve.radii * unit, model_colour(key)
        add_band(figure, key, radii, curve.low * 100, curve.high * 100, 0.14)
        figure.add_scatter(
            x=radii,
            y=curve.share * 100,
            mode="lines+markers",
            name=model_name(key),
            legendgroup=key,
            line={"color": colour, "width": 3},
            marker={"size": 9, "symbol": SYMBOLS[index % len(SYMBOLS)]},
            customdata=np.stack([curve.low, curve.high], 1) * 100,
            hovertemplate=f"{model_name(key)}: %{{y:.1f}} % (%{{customdata[0]:.1f}} to %{{customdata[1]:.1f}}, "
            f"n = {curve.n:,})<extra></extra>",
        )
    figure.add_vline(x=reported * unit, line={"color": ink, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=reported * unit, y=1.0, yref="paper", yanchor="bottom", text="reported radius", showarrow=False,
        font={"color": ink, "size": 13},
    )  # fmt: skip
    title = "Largest change of a pixel, ε in 1/255 (L∞)" if norm == "linf" else "Length of the change, ε (L2)"
    figure.update_xaxes(title=title, rangemode="tozero")
    figure.update_yaxes(title="Right answers (%)", range=[0, 100])
    figure.update_layout(legend={"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0})
    return plain_layout(figure, 470, ink, {"l": 56, "r": 16, "t": 28, "b": 16})


def trade_off(points: Sequence[tuple[str, Share, Share]], attack: str, ink: str) -> go.Figure:
    """Clean against robust accuracy, a point a model (key, clean, robust) with error bars and its name beside it."""
    height, room = 470, 380
    clean = np.array([point[1].value for point in points]) * 100
    robust = np.array([point[2].value for point in points]) * 100
    left, right = max(0.0, float(clean.min()) - 6), min(100.0, float(clean.max()) + 6)
    top = min(100.0, max(float(robust.max()) * 1.15, 10.0))
    low = -0.04 * top
    figure = go.Figure()
    for index, (key, x, y) in enumerate(points):
        colour = model_colour(key)
        figure.add_scatter(
            x=[x.value * 100],
            y=[y.value * 100],
            mode="markers",
            name=model_name(key),
            marker={"color": colour, "size": 15, "symbol": SYMBOLS[index % len(SYMBOLS)]},
            error_x=_bar(x, colour),
            error_y=_bar(y, colour),
            hovertemplate=f"{model_name(key)}: clean {x.value:.1%} (n = {x.n:,}), {attack} {y.value:.1%} "
            f"(n = {y.n:,})<extra></extra>",
        )
    keys, bars = [key for key, _, _ in points], np.array([(y.low * 100, y.high * 100) for _, _, y in points])
    add_names(figure, keys, clean, robust, (left, right), (low, top), (NARROW, room), bars)
    figure.update_xaxes(title="Right on clean images (%)", range=[left, right])
    figure.update_yaxes(title=f"Right under {attack} (%)", range=[low, top])
    figure.update_layout(showlegend=False)
    return plain_layout(figure, height, ink, {"l": 56, "r": 16, "t": 28, "b": 52})


def log_odds(log_probability: Array) -> NDArray[np.float64]:
    """`log(p / (1 - p))` of natural logarithms of p, cut off at plus and minus `ODDS`."""
    value = np.minimum(np.asarray(log_probability, np.float64), -1e-300)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.clip(value - np.log(-np.expm1(value)), -ODDS, ODDS)


def certainty(found: Mapping[str, Array], ink: str) -> go.Figure:
    """A histogram a model of the probability that the true class gets, on a log-odds axis; rows share the axis."""
    figure = make_subplots(len(found), 1, shared_xaxes=True, vertical_spacing=0.12 / max(len(found), 2))
    edges = np.linspace(-ODDS, ODDS, BINS + 1)
    for row, (key, log_probability) in enumerate(found.items(), start=1):
        counts, _ = np.histogram(log_odds(log_probability), edges)
        shares = counts / len(log_probability) * 100
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=shares,
            width=np.diff(edges),
            marker={"color": model_colour(key), "line": {"width": 0}},
            hovertemplate=f"{model_name(key)}: %{{y:.1f}} % of images<extra></extra>",
            row=row,
            col=1,
        )
        suffix = "" if row == 1 else str(row)  # Plotly's first axis has no number
        median = float(np.exp(np.median(log_probability)))
        figure.add_annotation(
            x=-ODDS, y=1, xref=f"x{suffix}", yref=f"y{suffix} domain", xanchor="left", yanchor="top", showarrow=False,
            align="left", font={"size": 14, "color": ink},
            text=f"<b>{model_name(key)}</b>: median {_probability(median)}, n = {len(log_probability):,}",
        )  # fmt: skip
        figure.update_yaxes(visible=False, range=[0, max(float(shares.max()) * 1.5, 1.0)], row=row, col=1)
    marks = (1e-5, 1e-3, 0.05, 0.5, 0.95, 0.999, 0.99999)
    figure.update_xaxes(
        range=[-ODDS, ODDS],
        tickvals=[float(np.log(mark / (1 - mark))) for mark in marks],
        ticktext=["0.001 %", "0.1 %", "5 %", "50 %", "95 %", "99.9 %", "99.999 %"],
    )
    figure.update_xaxes(title="Probability of the true class", row=len(found), col=1)
    figure.update_layout(showlegend=False, bargap=0)
    return plain_layout(figure, 80 * len(found) + 70, ink, {"l": 28, "r": 32, "t": 8, "b": 56})


def gradient_norms(found: Mapping[str, tuple[Array, Array]], ink: str) -> go.Figure:
    """Box plots on a log axis of the gradient's length: filled for the true label, hollow for another; one a model."""
    figure = go.Figure()
    for key, pair in found.items():
        for index, values in enumerate(pair):
            low, q1, median, q3, high = np.quantile(
                np.maximum(np.nan_to_num(np.asarray(values, np.float64)), NO_GRADIENT), QUANTILES
            )
            colour, label = model_colour(key), ("true label", "another label")[index]
            figure.add_box(
                y=[model_name(key)],
                q1=[q1],
                median=[median],
                q3=[q3],
                lowerfence=[low],
                upperfence=[high],
                orientation="h",
                offsetgroup=label,
                name=label,
                line={"color": colour, "width": 2.5},
                fillcolor=faint(colour, 0.55 if index == 0 else 0.0),
                showlegend=False,
                hoverinfo="x+y+name",
            )
    for label, fill in (("true label", faint("#888888", 0.55)), ("another label", "rgba(0,0,0,0)")):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=label,
            marker={"symbol": "square", "size": 14, "color": fill, "line": {"color": ink, "width": 2}},
        )  # fmt: skip
    figure.update_xaxes(title="Length of the loss gradient (L2, nats)", type="log")
    figure.update_xaxes(exponentformat="power", dtick=2, tickangle=0)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(boxmode="group", legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0})
    return plain_layout(figure, 74 * len(found) + 100, ink, {"l": 8, "r": 16, "t": 40, "b": 56})


def course(
    values: Array, epoch: int, title: str, span: tuple[float, float], ink: str, limit: float | None = None
) -> go.Figure:
    """A value over epochs 0, 1, …, with the chosen epoch as a point, and its limit as a dotted line."""
    accent = model_colour("pgd-linf")
    figure = go.Figure()
    figure.add_scatter(
        x=np.arange(len(values)), y=values, mode="lines", line={"color": accent, "width": 3}, hovertemplate="%{y:.2f}"
    )
    figure.add_scatter(
        x=[epoch], y=[values[epoch]], mode="markers+text", marker={"size": 14, "color": model_colour("standard")},
        text=[f"<b>{values[epoch]:.2f}</b>".replace("-", "−")], textfont={"size": 16, "color": ink},
        cliponaxis=False, hoverinfo="skip",
        textposition="top left" if epoch > 0.75 * len(values) else "top right",
    )  # fmt: skip
    if limit is not None:
        figure.add_hline(y=limit, line={"color": ink, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title=title, range=list(span))
    figure.update_layout(showlegend=False)
    return plain_layout(figure, 290, ink, {"l": 56, "r": 20, "t": 24, "b": 52})


def losses(names: Sequence[str], values: Sequence[float], key: str, ink: str) -> go.Figure:
    """The losses (cross-entropy) of a model on several images as bars; the first, of the clean picture, across all.

    The axis is a square root: a fragile network's loss under attack may be a thousand times that of noise.
    """
    colour, top = model_colour(key), max(*values, 0.1) ** 0.5
    figure = go.Figure(
        go.Bar(
            x=[value**0.5 for value in values],
            y=list(names),
            orientation="h",
            text=[f"{value:.2f}" if value >= 0.1 else f"{value:.3f}" for value in values],
            customdata=list(values),
            textposition="outside",
            textfont={"size": 15, "color": ink},
            cliponaxis=False,
            marker={"color": [faint(colour, 0.45)] + [colour] * (len(values) - 1)},
            hovertemplate="%{y}: %{customdata:.3f} nats<extra></extra>",
        )
    )
    figure.add_vline(x=values[0] ** 0.5, line={"color": ink, "width": 1, "dash": "dot"})
    marks: list[float] = []
    for mark in LOSS_MARKS:
        if mark**0.5 <= 1.2 * top and (not marks or mark**0.5 - marks[-1] ** 0.5 > 0.13 * top):
            marks.append(mark)
    figure.update_xaxes(
        title="Loss (nats; square-root axis)",
        range=[0, top * 1.2],
        tickvals=[mark**0.5 for mark in marks],
        ticktext=[f"{mark:g}" for mark in marks],
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"size": 14, "color": ink})
    figure.update_layout(showlegend=False, bargap=0.3)
    return plain_layout(figure, 290, ink, {"l": 8, "r": 20, "t": 24, "b": 52})


def _bar(share: Share, colour: str) -> dict[str, object]:
    """An error bar over a share's interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [(share.high - share.value) * 100],
        "arrayminus": [(share.value - share.low) * 100],
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }


def _probability(p: float) -> str:
    """A probability with as many digits as tell it from 0 and 1."""
    return f"{p * 100:.1f} %" if 0.001 <= p <= 0.999 else ("above 99.9 %" if p > 0.5 else "below 0.1 %")
