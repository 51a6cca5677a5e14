"""Bounds of a vote: exact by the binomial's own tail, and the radius of Theorem 1."""

import pytest
from scipy.stats import binom, norm

from core.errors import ConfigError, InputError
from core.metrics.smoothing import certified_radius, largest_radius, share_at_least


@pytest.mark.parametrize(("hits", "n"), [(1, 1), (99, 100), (100, 100), (560, 1000)])
@pytest.mark.parametrize("alpha", [0.001, 0.05])
def test_at_the_bound_as_many_hits_are_as_rare_as_alpha(hits, n, alpha):
    share = share_at_least(hits, n, alpha)
    assert binom.sf(hits - 1, n, share) == pytest.approx(alpha) and share < hits / n


def test_all_hits_give_the_closed_form_and_none_give_nothing():
    assert share_at_least(100, 100, 0.001) == pytest.approx(0.001**0.01)
    assert share_at_least(0, 10, 0.001) == 0.0
    assert largest_radius(100_000, 0.001, 0.5) == pytest.approx(0.5 * norm.ppf(0.001**1e-5))


def test_the_radius_is_that_of_the_theorem_and_half_proves_nothing():
    assert certified_radius(norm.cdf(1.0), 0.25) == pytest.approx(0.25)
    assert certified_radius(0.5, 1.0) == certified_radius(0.3, 1.0) == 0.0


def test_impossible_votes_are_refused():
    with pytest.raises(InputError):
        share_at_least(3, 2, 0.001)
    with pytest.raises(ConfigError, match="alpha"):
        share_at_least(1, 2, 1.0)
