"""The area under the accuracy curve, against closed forms and a slow integral."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from core.errors import ConfigError, InputError
from core.metrics.ara import ara, ara_binned


@pytest.mark.parametrize("area", [ara, ara_binned])
def test_all_break_at_one_distance(area):
    """Accuracy 1 up to e0 gives (1 - 1/K) e0; the binned form is right to a bin."""
    assert_allclose(area([0.02] * 50, 10).value, 0.9 * 0.02, rtol=0 if area is ara else 1.1e-3, atol=1e-15)


def test_accuracy_a_that_breaks_at_one_distance():
    assert_allclose(ara([0.0] * 30 + [0.02] * 70, 10).value, (0.7 - 0.1) * 0.02)


def test_it_is_the_integral_of_the_curve_above_guessing():
    e = np.random.default_rng(0).exponential(0.01, 200)
    grid = np.linspace(0, e.max(), 400_001)
    curve = 1 - np.searchsorted(np.sort(e), grid, side="right") / 200
    expected = np.maximum(0, curve - 0.25).mean() * e.max()
    assert_allclose(ara(e, 4).value, expected, rtol=1e-4)
    assert_allclose(ara_binned(e, 4).value, expected, rtol=1e-2)
    assert ara_binned(e, 4).value <= ara(e, 4).value


def test_no_area_below_guessing():
    """Two of ten right is worth nothing with five classes, however robust they are."""
    assert ara([0.0] * 8 + [5.0] * 2, 5).value == 0


def test_order_does_not_matter_and_scale_passes_through():
    e = np.random.default_rng(1).random(20)
    assert_allclose(ara(e[::-1], 3).value, ara(e, 3).value)
    assert_allclose(ara(7 * e, 3).value, 7 * ara(e, 3).value)


@pytest.mark.parametrize("area", [ara, ara_binned])
def test_censored_images_are_counted_and_stay_right_to_the_largest_distance(area):
    found = area([0.01, 0.02, np.inf, np.inf], 10)
    assert (found.censored, found.images) == (2, 4)
    assert_allclose(found.value, 0.9 * 0.01 + 0.65 * 0.01, rtol=3e-3)
    assert found.value > area([0.01, 0.02, 0.0, 0.0], 10).value


@pytest.mark.parametrize("area", [ara, ara_binned])
def test_nothing_broken_has_no_area_and_all_wrong_has_none_left(area):
    assert np.isnan(area([np.inf, np.inf], 10).value)
    assert area([0.0, 0.0], 10).value == 0


@pytest.mark.parametrize("bad", [[], [-0.1], [np.nan], [[0.1]]])
def test_impossible_distances_are_refused(bad):
    with pytest.raises(InputError, match="distances"):
        ara(bad, 10)


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="classes"):
        ara([0.1], 0)
    with pytest.raises(ConfigError, match="bins"):
        ara_binned([0.1], 10, bins=0)
