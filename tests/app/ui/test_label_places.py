"""Names of points keep off points and one another wherever there is room, and are never cut."""

import numpy as np
import pytest

from app.ui.label_places import place_labels

ROOM = (330.0, 380.0)


def boxes_apart(middles, sizes):
    """Whether no two boxes share a pixel."""
    gaps = (np.abs(middles[:, None] - middles) - (sizes[:, None] + sizes) / 2).max(2)
    return bool((gaps[~np.eye(len(middles), dtype=bool)] > 0).all())


@pytest.mark.parametrize("seed", range(6))
def test_names_keep_off_each_other_and_off_points_in_a_crowd(seed):
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal((90, 300), (25, 15), (6, 2)), rng.normal((250, 20), (8, 2), (4, 2))])
    sizes = np.stack([rng.uniform(60, 130, 10), np.full(10, 19.0)], 1)
    middles = place_labels(points, sizes, ROOM)
    assert boxes_apart(middles, sizes)
    assert (middles >= sizes / 2).all() and (middles + sizes / 2 <= ROOM).all()
    away = np.abs(middles[:, None] - points) - sizes[:, None] / 2
    assert (away.max(2) > 0).all()
    np.testing.assert_array_equal(place_labels(points, sizes, ROOM), middles)


def test_a_lonely_name_stands_right_beside_its_point():
    point, size = np.array([[100.0, 100.0]]), np.array([[80.0, 19.0]])
    middle = place_labels(point, size, ROOM)
    assert (np.abs(middle - point) - size / 2).max() < 16


def test_no_points_have_no_names():
    assert place_labels(np.zeros((0, 2)), np.zeros((0, 2)), ROOM).shape == (0, 2)
