"""What a chart shows as files: every series' values as CSV and as NPZ."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.ui.downloads import npz, table_csv

NAMED = ("x", "y", "z", "base", "width", "text", "q1", "median", "q3", "lowerfence", "upperfence")
ENDS = {"high": "array", "low": "arrayminus"}


def series(figure: go.Figure) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
    """Each trace that shows values: its name, and its arrays by name; what only decorates the chart is left out.

    A line across the chart, such as that of the picture looked at, is a series `line` of its two ends. Error bars stand
    as `y_high` and `y_low`, the distances from the point; a heat map's `z` is (rows, columns).
    """
    for trace in figure.data:
        if trace.hoverinfo == "skip" and trace.legendgroup is None and trace.type != "heatmap":
            continue
        arrays = {name: np.asarray(trace[name]) for name in NAMED if _has(trace, name)}
        for axis in ("x", "y"):
            if f"error_{axis}" in trace:
                bars = trace[f"error_{axis}"]
                arrays |= {f"{axis}_{end}": np.asarray(bars[name]) for end, name in ENDS.items() if _has(bars, name)}
        yield trace.name or trace.legendgroup or trace.type, arrays
    for shape in figure.layout.shapes:
        if shape.type == "line":
            yield "line", {"x": np.array([shape.x0, shape.x1]), "y": np.array([shape.y0, shape.y1])}


def _has(trace: Any, name: str) -> bool:
    return name in trace and trace[name] is not None and np.ndim(trace[name]) > 0


def figure_csv(figure: go.Figure) -> bytes:
    """A row a point: the series, and its values by name; a heat map has a row a cell."""
    found = [(name, _flat(arrays)) for name, arrays in series(figure)]
    heads = list(dict.fromkeys(head for _, arrays in found for head in arrays))
    rows = (
        [name, *(arrays[head][at] if head in arrays and at < len(arrays[head]) else "" for head in heads)]
        for name, arrays in found
        for at in range(max(map(len, arrays.values()), default=0))
    )
    return table_csv(("series", *heads), rows)


def _flat(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A series with its cells one after another, row by row."""
    z = arrays.get("z")
    if z is None:
        return dict(arrays)
    x, y = arrays.get("x", np.arange(z.shape[1])), arrays.get("y", np.arange(z.shape[0]))
    return {"x": np.tile(x, z.shape[0]), "y": np.repeat(y, z.shape[1]), "z": z.ravel()}


def figure_npz(figure: go.Figure, says: str) -> bytes:
    """The arrays as `<number>_<series>__<name>`; the settings hold what the chart says."""
    arrays: dict[str, NDArray[Any]] = {}
    names = []
    for number, (name, found) in enumerate(series(figure)):
        names.append(name)
        tag = f"{number}_{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"
        arrays |= {f"{tag}__{key}": _plain(values) for key, values in found.items()}
    return npz(arrays, {"says": says, "series": names})


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Text as text: an array of objects would need a pickle."""
    return values.astype(str) if values.dtype == object else values
