"""Intervals against known values and their promise."""

import numpy as np
import pytest

from core.errors import InputError
from core.metrics.intervals import bootstrap, newcombe, wilson


def test_wilson_matches_published_values():
    """Newcombe 1998, Table I: 81 of 263 gives 0.2553 to 0.3662, 15 of 148 gives 0.0624 to 0.1605."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_wilson_at_the_extremes():
    low, high = wilson(0, 20)
    assert low == 0.0 and high == pytest.approx(0.1611, abs=5e-5)
    assert wilson(20, 20) == pytest.approx((1 - high, 1.0))


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(InputError):
        wilson(successes, n)


def test_newcombe_matches_published_values():
    """Newcombe 1998, Table II, (36, 12, 2, 0); Fagerland, Lydersen, Laake 2014, Table V, (1, 1, 7, 12)."""
    assert newcombe(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=5e-5)
    assert newcombe(1, 1, 7, 12) == pytest.approx((-0.507, -0.026), abs=5e-4)


def test_newcombe_turns_round_with_the_pair_and_narrows_with_their_correlation():
    low, high = newcombe(40, 20, 10, 30)
    assert newcombe(40, 10, 20, 30) == pytest.approx((-high, -low))
    apart = newcombe(30, 30, 20, 20)  # the same shares, unrelated
    assert apart[0] < low < 0.1 < high < apart[1]


@pytest.mark.parametrize("table", [(0, 0, 0, 300), (300, 0, 0, 0), (150, 0, 0, 150)])
def test_newcombe_has_a_width_where_no_two_answers_differ(table):
    low, high = newcombe(*table)
    assert high == -low > 0.005


def test_newcombe_covers_the_truth_as_often_as_it_says():
    """Pairs of 3 % and 1 % of 100, unrelated: at least 94 % of its intervals hold the 2 %."""
    rng = np.random.default_rng(0)
    first, second = (rng.random((2000, 100)) < share for share in (0.03, 0.01))
    tables = [
        ((a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()) for a, b in zip(first, second, strict=True)
    ]
    held = [low <= 0.02 <= high for low, high in (newcombe(*map(int, table)) for table in tables)]
    assert np.mean(held) >= 0.94


@pytest.mark.parametrize("table", [(0, 0, 0, 0), (-1, 2, 3, 4)])
def test_newcombe_refuses_impossible_counts(table):
    with pytest.raises(InputError):
        newcombe(*table)


def test_bootstrap_of_a_mean_is_about_two_standard_errors_wide():
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap(values, lambda sample: float(sample.mean()))
    assert low < values.mean() < high
    assert (high - low) / (2 * 1.96 * values.std() / 20) == pytest.approx(1.0, abs=0.1)


def test_bootstrap_is_seeded_and_resamples_rows_together():
    rows = np.stack([np.arange(50.0), np.arange(50.0)], axis=1)
    same = bootstrap(rows, lambda sample: float(np.abs(sample[:, 0] - sample[:, 1]).max()))
    assert same == (0.0, 0.0)
    first, second, other = (bootstrap(rows[:, 0], lambda s: float(s.mean()), seed=seed) for seed in (1, 1, 2))
    assert first == second != other


def test_bootstrap_needs_values():
    with pytest.raises(InputError):
        bootstrap(np.empty(0), lambda sample: 0.0)
