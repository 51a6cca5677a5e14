"""Where the names of points stand in a chart: off the points, off one another, and inside."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

SWEEPS = 6
DIRECTIONS = tuple(np.linspace(0, 2 * np.pi, 16, endpoint=False))
REACHES = (4.0, 12.0, 24.0, 40.0, 60.0, 85.0, 115.0)
"""Pixels of free room between a point's edge and the nearest edge of its name."""
MARGIN = 3.0
BAR = 6.0
"""Pixels across of an error bar."""
FAR, OVERLAPPED, CROSSED, OUTSIDE = 0.5, 5.0, 400.0, 1e4
"""What is paid for a pixel of distance, a square pixel of overlap, a line over another point or name, a cut name."""
STEPS = np.linspace(0, 1, 13)
"""Where lines are looked at."""


def place_labels(
    points: Array, sizes: Array, room: tuple[float, float], bars: Array | None = None, radius: float = 9.0
) -> Array:
    """The middles (N, 2) of N names, each near its point.

    Each name in turn takes the place that costs least beside the others, again and again (coordinate descent over a
    fixed set of places), so the same points always give the same picture. Where there is no room for all, names overlap
    as little as the search finds.

    Args:
        points: where the points are (N, 2), in pixels from the left and the bottom of the chart's area.
        sizes: width and height of the names (N, 2), in pixels.
        room: width and height of the area.
        bars: the lower and the upper end of each point's upright error bar (N, 2), in pixels; names keep off them.
        radius: of the points' symbols, in pixels.
    """
    spots = [_spots(point, size, radius) for point, size in zip(points, sizes, strict=True)]
    own = [_alone(index, spots[index], points, sizes, room, radius) for index in range(len(points))]
    if bars is not None:
        middles = np.stack([points[:, 0], bars.mean(1)], 1)
        extents = np.stack([np.full(len(points), BAR), np.ptp(bars, axis=1)], 1)
        own = [
            cost + OVERLAPPED * _overlap(spot, size, middles, extents).sum(1)
            for cost, spot, size in zip(own, spots, sizes, strict=True)
        ]
    chosen = np.array([spot[int(cost.argmin())] for spot, cost in zip(spots, own, strict=True)]).reshape(-1, 2)
    for _ in range(SWEEPS):
        before = chosen.copy()
        for index in range(len(points)):
            rest = np.arange(len(points)) != index
            cost = own[index] + OVERLAPPED * _overlap(spots[index], sizes[index], chosen[rest], sizes[rest]).sum(1)
            cost += CROSSED * _crossings(points[index], spots[index], chosen[rest], sizes[rest])
            lines = points[rest] + STEPS[:, None, None] * (chosen[rest] - points[rest])  # of the others, (13, N - 1, 2)
            cost += CROSSED * _inside(lines[None], spots[index][:, None, None], sizes[index]).any(1).sum(1)
            chosen[index] = spots[index][int(cost.argmin())]
        if np.array_equal(before, chosen):
            break
    return chosen


def _spots(point: Array, size: Array, radius: float) -> Array:
    """Middles that a name may have (S, 2): around its point, near to far."""
    found = []
    for reach, angle in product(REACHES, DIRECTIONS):
        way = np.array([np.cos(angle), np.sin(angle)])
        half = size / 2
        edge = min(half[axis] / abs(way[axis]) if abs(way[axis]) > 1e-9 else np.inf for axis in (0, 1))
        found.append(point + way * (radius + reach + edge))
    return np.array(found)


def _alone(index: int, spots: Array, points: Array, sizes: Array, room: tuple[float, float], radius: float) -> Array:
    """What each spot costs before any other name has its place (S,)."""
    size = sizes[index]
    away = np.maximum(np.abs(spots - points[index]) - size / 2, 0)
    cost = FAR * np.hypot(*away.T)
    outside = np.maximum(size / 2 - spots, 0) + np.maximum(spots + size / 2 - np.array(room), 0)
    cost += OUTSIDE * (outside > 0).any(1) + OUTSIDE * outside.sum(1)
    symbols = np.full((len(points), 2), 2 * radius)
    cost += OVERLAPPED * _overlap(spots, size, points, symbols).sum(1)
    rest = np.arange(len(points)) != index
    cost += CROSSED * _crossings(points[index], spots, points[rest], symbols[rest])
    return cost


def _overlap(spots: Array, size: Array, middles: Array, sizes: Array) -> Array:
    """The area that a name of `size` at each spot shares with boxes around `middles` (S, M), a margin counted."""
    reach = (size + sizes) / 2 + MARGIN
    shared = np.maximum(reach - np.abs(spots[:, None] - middles[None]), 0)
    both = np.minimum(shared, np.minimum(size, sizes) + MARGIN)
    area: Array = both.prod(2)
    return area


def _crossings(start: Array, ends: Array, middles: Array, sizes: Array) -> NDArray[np.int64]:
    """How many of the boxes the line from a point to each end runs through (S,)."""
    lines = start + STEPS[:, None] * (ends - start)[:, None]
    crossed: NDArray[np.int64] = _inside(lines[:, :, None], middles, sizes).any(1).sum(1)
    return crossed


def _inside(places: Array, middles: Array, sizes: Array) -> NDArray[np.bool_]:
    """Whether places (..., 2) lie in boxes, by numpy's rules for shapes that differ."""
    inside: NDArray[np.bool_] = np.all(np.abs(places - middles) < sizes / 2, axis=-1)
    return inside
