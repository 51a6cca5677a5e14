"""Where the names of points stand in a chart: off the points, their bars and lines, off one another, and inside."""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Choice = NDArray[np.int64]

SEARCHES, MOVED, SWEEPS = 300, 3, 12
"""How often it is searched anew, how many names are put elsewhere for that, and how often each then takes its turn."""
DIRECTIONS = tuple(np.linspace(0, 2 * np.pi, 16, endpoint=False))
REACHES = (4.0, 12.0, 24.0, 40.0, 60.0, 85.0, 115.0, 150.0)
"""Pixels of free room between a point's edge and the nearest edge of its name."""
MARGIN = 3.0
BAR = 6.0
"""Pixels across of an error bar."""
FAR, OVERLAPPED, CROSSED, STRUCK, OUTSIDE = 0.5, 5.0, 400.0, 800.0, 1e4
"""What is paid for a pixel of distance, a square pixel of overlap, a line over a point or a bar over a name, a line
over a name, a cut name."""


def place_labels(
    points: Array,
    sizes: Array,
    rooms: Sequence[tuple[float, float]],
    bars: Array | None = None,
    radius: float = 9.0,
) -> Array:
    """The ways (N, 2) from N points to the middles of their names, in pixels right and up; the same in every room.

    Each name in turn takes the place that costs least beside the others, again and again (coordinate descent over a
    fixed set of places); then a few are put elsewhere and it begins anew, and the cheapest end is taken (iterated local
    search, with the same draws for the same points). Where there is no room for all, names overlap as little as the
    search finds.

    Args:
        points: where the points are (N, 2), as shares of the chart's area from the left and the bottom.
        sizes: width and height of the names (N, 2), in pixels.
        rooms: width and height of the area, in pixels, for each window that it is seen in.
        bars: the lower and the upper end of each point's upright error bar (N, 2), as shares; names keep off them.
        radius: of the points' symbols, in pixels.
    """
    ways = np.array([_ways(size, radius) for size in sizes]).reshape(len(points), len(REACHES) * len(DIRECTIONS), 2)
    places = [points * room for room in rooms]
    alone = np.zeros(ways.shape[:2])
    for here, room in zip(places, rooms, strict=True):
        alone += _alone(here, ways, sizes, room, None if bars is None else bars * room[1], radius)
    beside = _beside(places, ways, sizes)
    every, rng = np.arange(len(points)), np.random.default_rng(0)
    best = _descend(alone.argmin(1), every, alone, beside)
    for _ in range(SEARCHES if len(points) > MOVED else 1):
        chosen = best.copy()
        chosen[rng.permutation(every)[:MOVED]] = rng.integers(ways.shape[1], size=min(MOVED, len(points)))
        chosen = _descend(chosen, rng.permutation(every), alone, beside)
        if _cost(chosen, alone, beside) < _cost(best, alone, beside):
            best = chosen
    found: Array = ways[every, best]
    return found


def _descend(chosen: Choice, order: Choice, alone: Array, beside: Array) -> Choice:
    """The places after each name in turn took the one that costs least beside the others, until none moves."""
    every = np.arange(len(chosen))
    for _ in range(SWEEPS):
        before = chosen.copy()
        for index in order:
            chosen[index] = (alone[index] + beside[index][:, every, chosen].sum(1)).argmin()
        if np.array_equal(before, chosen):
            break
    return chosen


def _cost(chosen: Choice, alone: Array, beside: Array) -> float:
    """What all names cost in these places."""
    every = np.arange(len(chosen))
    return float(alone[every, chosen].sum() + beside[every, chosen][:, every, chosen].sum() / 2)


def _ways(size: Array, radius: float) -> Array:
    """Ways to the middles that a name may have (S, 2): around its point, near to far."""
    found = []
    for reach, angle in product(REACHES, DIRECTIONS):
        way = np.array([np.cos(angle), np.sin(angle)])
        edge = min(size[axis] / 2 / abs(way[axis]) if abs(way[axis]) > 1e-9 else np.inf for axis in (0, 1))
        found.append(way * (radius + reach + edge))
    return np.array(found)


def _alone(
    points: Array, ways: Array, sizes: Array, room: tuple[float, float], bars: Array | None, radius: float
) -> Array:
    """What each place of each name costs before any other name has its place (N, S)."""
    middles, half = points[:, None] + ways, sizes[:, None] / 2
    away = np.maximum(np.abs(ways) - half, 0)
    outside = np.maximum(half - middles, 0) + np.maximum(middles + half - np.array(room), 0)
    cost = FAR * np.hypot(away[..., 0], away[..., 1]) + OUTSIDE * ((outside > 0).any(2) + outside.sum(2))
    symbols = np.full((len(points), 2), 2 * radius)
    for index, point in enumerate(points):
        rest = np.arange(len(points)) != index
        cost[index] += OVERLAPPED * _overlap(middles[index][:, None], sizes[index], points, symbols).sum(1)
        cost[index] += CROSSED * _crosses(point, ways[index][:, None], points[rest], symbols[rest]).sum(1)
        if bars is not None:
            upright = np.stack([points[:, 0], bars.mean(1)], 1)
            extents = np.stack([np.full(len(points), BAR), np.ptp(bars, axis=1)], 1)
            shared = _overlap(middles[index][:, None], sizes[index], upright, extents)
            cost[index] += (OVERLAPPED * shared + CROSSED * (shared > 0)).sum(1)
    return cost


def _beside(places: Sequence[Array], ways: Array, sizes: Array) -> Array:
    """What two names cost together, by the place of each, over all rooms (N, S, N, S)."""
    names, spots = ways.shape[:2]
    cost = np.zeros((names, spots, names, spots), np.float32)
    for points in places:
        middles = points[:, None] + ways
        for i, j in combinations(range(names), 2):
            both = OVERLAPPED * _overlap(middles[i][:, None], sizes[i], middles[j], sizes[j])
            both += STRUCK * _crosses(points[i], ways[i][:, None], middles[j], sizes[j])
            both += STRUCK * _crosses(points[j], ways[j], middles[i][:, None], sizes[i])
            cost[i, :, j] += both
            cost[j, :, i] += both.T
    return cost


def _overlap(middle: Array, size: Array, other: Array, others: Array) -> Array:
    """The area that boxes share, a margin counted, by numpy's rules for shapes (..., 2) that differ."""
    shared = []
    for axis in (0, 1):
        reach = (size[..., axis] + others[..., axis]) / 2 + MARGIN - np.abs(middle[..., axis] - other[..., axis])
        shared.append(np.clip(reach, 0, np.minimum(size[..., axis], others[..., axis]) + MARGIN))
    area: Array = shared[0] * shared[1]
    return area


def _crosses(start: Array, ways: Array, middles: Array, sizes: Array) -> NDArray[np.bool_]:
    """Whether lines from a point (2,) along `ways` run through boxes, by numpy's rules for shapes (..., 2) that differ.

    Along each axis a line is within a box from one share of its way to another; it is in the box where these meet.
    """
    into, out = np.zeros(()), np.ones(())
    for axis in (0, 1):
        along = np.where(np.abs(ways[..., axis]) < 1e-6, 1e-6, ways[..., axis])
        reach = np.abs(sizes[..., axis] / 2 / along)
        centre = (middles[..., axis] - start[axis]) / along
        into, out = np.maximum(into, centre - reach), np.minimum(out, centre + reach)
    return np.asarray(into < out)
