"""Accuracy against epsilon counts exactly the images that no smaller or equal radius broke."""

import numpy as np
import pytest

from core.errors import InputError
from core.metrics.intervals import wilson
from core.metrics.survival_curve import survival_curve

GRID = np.array([2 / 255, 4 / 255, 8 / 255], np.float32)


def test_an_image_stands_until_the_radius_at_which_it_fell():
    smallest = np.array([0, 2 / 255, 8 / 255, 8 / 255, np.inf], np.float32)
    curve = survival_curve(smallest, GRID)
    np.testing.assert_allclose(curve.radii, [0, 2 / 255, 4 / 255, 8 / 255], rtol=1e-6)
    np.testing.assert_allclose(curve.share, [0.8, 0.6, 0.6, 0.2])
    assert (curve.low[1], curve.high[1]) == wilson(3, 5) and curve.n == 5


def test_radii_rounded_in_a_file_move_no_image():
    curve = survival_curve(np.array([8 / 255], np.float32), np.array([2 / 255, 4 / 255, 8 / 255]))
    np.testing.assert_allclose(curve.share, [1, 1, 1, 0])
    curve = survival_curve(np.array([8 / 255]), GRID)
    np.testing.assert_allclose(curve.share, [1, 1, 1, 0])


@pytest.mark.parametrize(("smallest", "grid"), [([], [1]), ([np.nan], [1]), ([1], [0, 1]), ([1], [2, 1])], ids=str)
def test_what_is_no_curve_is_refused(smallest, grid):
    with pytest.raises(InputError):
        survival_curve(np.array(smallest, float), np.array(grid, float))
