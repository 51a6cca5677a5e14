"""Distances of sets have their closed forms; precision and recall are those of a slow version from the paper."""

import numpy as np
import pytest

from core.errors import InputError
from core.metrics.samples import frechet_distance, kernel_distance, precision_recall


def whitened(rng, count, length):
    """Rows whose mean is exactly 0 and whose covariance is exactly the identity."""
    rows = rng.standard_normal((count, length))
    rows -= rows.mean(0)
    return rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows, rowvar=False))).T


def test_frechet_distance_of_gaussians_in_closed_form():
    """Diagonal covariances commute: the distance is |m - m'|^2 + sum (s - s')^2."""
    rows = whitened(np.random.default_rng(0), 200, 3)
    moved = rows * np.array([2.0, 1.0, 0.5]) + np.array([1.0, 0.0, -2.0])
    assert frechet_distance(rows, moved) == pytest.approx(1 + 4 + 1 + 0.25, rel=1e-6)
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_where_covariances_do_not_commute_and_one_is_singular():
    rng = np.random.default_rng(5)
    one, other = rng.standard_normal((50, 3)) @ rng.standard_normal((3, 3)), rng.standard_normal((40, 3))
    product = np.cov(one, rowvar=False) @ np.cov(other, rowvar=False)
    apart = one.mean(0) - other.mean(0)
    traces = np.trace(np.cov(one, rowvar=False)) + np.trace(np.cov(other, rowvar=False))
    exact = apart @ apart + traces - 2 * np.sqrt(np.linalg.eigvals(product)).sum()
    assert frechet_distance(one, other) == pytest.approx(exact)
    point = np.zeros((4, 3))  # all of its pictures are one
    assert frechet_distance(one, point) == pytest.approx((one.mean(0) ** 2).sum() + one.var(0, ddof=1).sum())


def test_kernel_distance_is_the_double_sum_of_the_paper():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((5, 2)), rng.standard_normal((4, 2)) + 1

    def kernel(a, b):
        return (a @ b / 2 + 1) ** 3

    within_x = np.mean([kernel(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
    within_y = np.mean([kernel(y[i], y[j]) for i in range(4) for j in range(4) if i != j])
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert kernel_distance(x, y) == pytest.approx(within_x + within_y - 2 * across)


@pytest.mark.slow
def test_kernel_distance_is_unbiased():
    """Over many pairs of sets of one law the mean is near 0, below and above."""
    rng = np.random.default_rng(2)
    values = [kernel_distance(rng.standard_normal((20, 4)), rng.standard_normal((20, 4))) for _ in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20 and min(values) < 0 < max(values)


def slowly_inside(row, region, k):
    reach = [sorted(np.linalg.norm(region - centre, axis=1))[k] for centre in region]  # the 0th is itself
    return any(np.linalg.norm(row - centre) <= r for centre, r in zip(region, reach, strict=True))


def test_precision_and_recall_are_those_of_the_paper():
    rng = np.random.default_rng(3)
    real, made = rng.standard_normal((40, 2)), 0.5 * rng.standard_normal((30, 2)) + 1
    precise, recalled = precision_recall(real, made)
    assert precise.tolist() == [slowly_inside(row, real, 3) for row in made]
    assert recalled.tolist() == [slowly_inside(row, made, 3) for row in real]
    assert 0 < recalled.mean() < precise.mean() < 1


def test_one_mode_alone_has_precision_without_recall():
    rng = np.random.default_rng(4)
    real = np.concatenate([rng.standard_normal((50, 2)), rng.standard_normal((50, 2)) + 100])
    precise, recalled = precision_recall(real, rng.standard_normal((50, 2)) * 0.5)
    assert precise.mean() > 0.9 and not recalled[50:].any() and recalled[:50].any()


def test_features_that_do_not_fit_are_refused():
    for measure in (frechet_distance, kernel_distance, precision_recall):
        with pytest.raises(InputError, match="of one length"):
            measure(np.zeros((9, 2)), np.zeros((9, 3)))
        with pytest.raises(InputError, match="at least"):
            measure(np.zeros((1, 2)), np.zeros((9, 2)))
