"""Intervals against known values and their promise."""

import numpy as np
import pytest

from core.errors import InputError
from core.metrics.intervals import bootstrap, wilson


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
