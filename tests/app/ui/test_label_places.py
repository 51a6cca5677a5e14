"""Names of points keep off points, lines and one another wherever there is room, in each window, and are never cut."""

import numpy as np
import pytest

from app.ui.label_places import place_labels

ROOMS = ((330.0, 380.0), (400.0, 380.0), (600.0, 380.0))
WAY = np.linspace(0, 1, 200)[:, None]


def boxes_apart(middles, sizes):
    """Whether no two boxes share a pixel."""
    gaps = (np.abs(middles[:, None] - middles) - (sizes[:, None] + sizes) / 2).max(2)
    return bool((gaps[~np.eye(len(middles), dtype=bool)] > 0).all())


def struck(points, middles, sizes):
    """How many lines from a point to its name run through another name."""
    lines = [point + WAY * (middle - point) for point, middle in zip(points, middles, strict=True)]
    return sum(
        bool((np.abs(line - middles[name]) < sizes[name] / 2).all(1).any())
        for index, line in enumerate(lines)
        for name in range(len(middles))
        if name != index
    )


def crowd(seed):
    """A cloud of six points, and four on one another: shares of the area, and the names' sizes."""
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal((90, 300), (25, 15), (6, 2)), rng.normal((250, 20), (8, 2), (4, 2))])
    return points / ROOMS[0], np.stack([rng.uniform(60, 130, 10), np.full(10, 19.0)], 1)


@pytest.mark.parametrize("seed", range(6))
def test_names_keep_off_each_other_their_lines_and_points_in_a_crowd_in_every_window(seed):
    points, sizes = crowd(seed)
    ways = place_labels(points, sizes, ROOMS)
    for room in ROOMS:
        middles = points * room + ways
        assert boxes_apart(middles, sizes) and struck(points * room, middles, sizes) == 0
        assert (middles >= sizes / 2).all() and (middles + sizes / 2 <= room).all()
        away = np.abs(middles[:, None] - points * room) - sizes[:, None] / 2
        assert (away.max(2) > 0).all()
    np.testing.assert_array_equal(place_labels(points, sizes, ROOMS), ways)


def test_names_keep_off_bars():
    points, sizes = np.array([[0.5, 0.5], [0.6, 0.5]]), np.array([[80.0, 19.0], [80.0, 19.0]])
    bars = np.array([[0.45, 0.55], [0.2, 0.8]])
    for room in ROOMS:
        middles = points * room + place_labels(points, sizes, ROOMS, bars)
        for middle in middles:
            beside = np.abs(middle[0] - points[:, 0] * room[0]) >= 40
            above = (middle[1] - 9.5 >= bars[:, 1] * room[1]) | (middle[1] + 9.5 <= bars[:, 0] * room[1])
            assert (beside | above).all()


def test_a_lonely_name_stands_right_beside_its_point():
    point, size = np.array([[0.3, 0.3]]), np.array([[80.0, 19.0]])
    way = place_labels(point, size, ROOMS)
    assert (np.abs(way) - size / 2).max() < 16


def test_no_points_have_no_names():
    assert place_labels(np.zeros((0, 2)), np.zeros((0, 2)), ROOMS).shape == (0, 2)
