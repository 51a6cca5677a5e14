"""Measures of maps from arrays alone, on maps whose figure is known."""

import numpy as np
import pytest

from core.errors import ConfigError, InputError
from core.metrics.alignment import alignment, alignment_cosine
from core.metrics.localisation import area, mass_inside, pointing_game
from core.metrics.map_agreement import AGREEMENTS, agreement_matrix, cosine, spearman, ssim, top_overlap
from core.metrics.sparsity import gini

MAP = np.random.default_rng(0).normal(size=(8, 8))
ANOTHER = np.random.default_rng(1).normal(size=(8, 8))


def test_spearman_sees_order_only_and_ties_share_their_rank():
    assert spearman(MAP, np.exp(MAP)) == pytest.approx(1.0)
    assert spearman(MAP, -(MAP**3)) == pytest.approx(-1.0)
    # ranks 1.5 1.5 3 and 1 2 3: covariance 1.5, variances 1.5 and 2
    assert spearman(np.array([1.0, 1.0, 2.0]), np.array([5.0, 6.0, 7.0])) == pytest.approx(1.5 / np.sqrt(3.0))


def test_cosine_sees_direction_only():
    assert cosine(MAP, 3 * MAP) == pytest.approx(1.0)
    assert cosine(np.array([1.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(np.sqrt(0.5))
    assert cosine(np.array([1.0, 0.0]), np.array([0.0, -1.0])) == 0.0


def test_ssim_is_the_papers_formula_in_one_window():
    """A 7x7 map is one window: means, variances with n - 1, range 2 after each map is scaled by its largest value."""
    one, other = MAP[:7, :7], ANOTHER[:7, :7]
    a, b = one / np.abs(one).max(), other / np.abs(other).max()
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    covariance = np.cov(a.ravel(), b.ravel())
    expected = (2 * a.mean() * b.mean() + c1) / (a.mean() ** 2 + b.mean() ** 2 + c1)
    expected *= (2 * covariance[0, 1] + c2) / (covariance[0, 0] + covariance[1, 1] + c2)
    assert ssim(one, other) == pytest.approx(expected)
    assert ssim(5 * one, other) == pytest.approx(expected)


def test_top_overlap_counts_common_places_by_size_not_sign():
    one = np.zeros(10)
    one[[0, 1, 2]] = [5.0, -9.0, 7.0]
    other = np.zeros(10)
    other[[1, 2, 8]] = [1.0, 2.0, -3.0]
    assert top_overlap(one, other, 0.3) == pytest.approx(2 / 3)
    assert top_overlap(one, other, 0.1) == 0.0
    assert top_overlap(one, other, 1.0) == 1.0
    with pytest.raises(ConfigError):
        top_overlap(one, other, 0.0)


@pytest.mark.parametrize("name", AGREEMENTS)
def test_each_agreement_is_one_with_itself_symmetric_and_undefined_for_an_empty_map(name):
    agreement = AGREEMENTS[name]
    found = agreement_matrix([MAP, ANOTHER, MAP], agreement)
    assert found[0, 0] == pytest.approx(1.0) and found[0, 2] == pytest.approx(1.0)
    assert np.array_equal(found, found.T) and found[0, 1] < 0.9
    assert np.isnan(agreement(MAP, np.zeros((8, 8))))
    for wrong in (MAP[:4], np.full((8, 8), np.nan)):
        with pytest.raises(InputError):
            agreement(MAP, wrong)


def test_pointing_game_and_mass_by_hand_and_the_area_by_chance():
    inside = np.zeros((4, 4), bool)
    inside[:2, :2] = True
    heatmap = np.zeros((4, 4))
    heatmap[0, 0], heatmap[3, 3] = 2.0, -6.0
    assert pointing_game(heatmap, inside) == 1.0
    assert pointing_game(-heatmap, inside) == 0.0
    assert mass_inside(heatmap, inside) == 0.25
    even = np.ones((4, 4))
    assert pointing_game(even, inside) == mass_inside(even, inside) == area(inside) == 0.25
    assert np.isnan(mass_inside(np.zeros((4, 4)), inside))
    with pytest.raises(InputError):
        pointing_game(heatmap, inside[:2])
    with pytest.raises(InputError):
        mass_inside(heatmap, inside.astype(float))


def test_gini_of_even_single_and_linear_maps():
    one = np.zeros(50)
    one[7] = -3.0
    assert gini(np.full((5, 10), -2.0)) == pytest.approx(0.0)
    assert gini(one) == pytest.approx(1 - 1 / 50)
    pairs = np.array([1.0, 3.0, 5.0])
    expected = sum(abs(a - b) for a in pairs for b in pairs) / (2 * 9 * pairs.mean())
    assert gini(pairs) == pytest.approx(expected)
    assert np.isnan(gini(np.zeros(4)))
    with pytest.raises(InputError):
        gini(np.array([np.inf]))


def test_alignment_by_hand_and_whatever_the_gradients_length():
    x = np.array([[[[3.0, 4.0]]], [[[1.0, 0.0]]], [[[1.0, 1.0]]]])
    gradients = np.array([[[[0.0, -2.0]]], [[[1.0, 1.0]]], [[[0.0, 0.0]]]])
    assert alignment(x, gradients)[:2] == pytest.approx([4.0, np.sqrt(0.5)])
    assert alignment(x, 9 * gradients)[:2] == pytest.approx([4.0, np.sqrt(0.5)])
    assert alignment_cosine(x, gradients)[:2] == pytest.approx([0.8, np.sqrt(0.5)])
    assert np.isnan(alignment(x, gradients)[2]) and np.isnan(alignment_cosine(x, gradients)[2])
    assert alignment(x, gradients, centre=[[[1.0]]])[0] == pytest.approx(3.0)
    with pytest.raises(InputError):
        alignment(x, gradients[:2])
