"""The plane of most spread, and nearest points, where both are known."""

import numpy as np
import pytest

from core.errors import InputError
from core.metrics.projection import nearest, principal_plane


def test_points_in_a_plane_keep_their_distances_and_all_variance_is_explained():
    generator = np.random.default_rng(0)
    flat = generator.normal(size=(30, 2)) * [5, 1]
    basis, _ = np.linalg.qr(generator.normal(size=(12, 2)))
    points = flat @ basis.T + 3
    plane = principal_plane(points)
    placed = plane.place(points)
    np.testing.assert_allclose(
        np.linalg.norm(placed[:, None] - placed[None], axis=2), np.linalg.norm(flat[:, None] - flat[None], axis=2)
    )
    assert plane.explained.sum() == pytest.approx(1.0) and plane.explained[0] > 0.9
    assert abs(plane.axes[0] @ basis[:, 0]) > 0.99 and placed.mean(0) == pytest.approx([0, 0])


def test_the_directions_signs_do_not_depend_on_the_order_of_points():
    points = np.random.default_rng(1).normal(size=(20, 6))
    np.testing.assert_allclose(principal_plane(points).axes, principal_plane(points[::-1]).axes)


def test_equal_points_explain_nothing_and_too_few_are_refused():
    assert principal_plane(np.ones((4, 3))).explained.tolist() == [0, 0]
    with pytest.raises(InputError, match="three finite points"):
        principal_plane(np.zeros((2, 3)))
    with pytest.raises(InputError):
        principal_plane(np.full((4, 3), np.nan))


def test_the_nearest_come_first():
    points = np.array([[0.0, 3], [1, 0], [0, 0.5], [9, 9]])
    assert nearest(points, np.zeros(2), 3).tolist() == [2, 1, 0]
