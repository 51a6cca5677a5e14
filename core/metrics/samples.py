"""How alike two sets of pictures are, from their features: Fréchet and kernel distance, precision and recall."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from core.errors import InputError

Features = NDArray[np.floating]

NEIGHBOUR = 3
"""The k of precision and recall that their paper recommends."""


def frechet_distance(first: Features, second: Features) -> float:
    """`|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2))` of the two sets' means and covariances; 0 where they agree.

    Heusel et al. 2017 (arXiv:1706.08500), eq. 6, with whatever features are given instead of Inception's: figures
    compare with others in the same features and of the same size alone (it falls with the number of pictures).

    Args:
        first: one row a picture (N, D), N at least 2.
        second: (M, D).

    Raises:
        InputError: features of different lengths, or too few rows.
    """
    _check(first, second, 2)
    one, other = first.astype(np.float64), second.astype(np.float64)
    apart = one.mean(0) - other.mean(0)
    covariances = np.atleast_2d(np.cov(one, rowvar=False)), np.atleast_2d(np.cov(other, rowvar=False))
    # The root has the trace of (C^(1/2) C' C^(1/2))^(1/2), which is symmetric: sure also where C is singular.
    values, vectors = np.linalg.eigh(covariances[0])
    half = (vectors * np.sqrt(values.clip(0.0))) @ vectors.T
    root = np.sqrt(np.linalg.eigvalsh(half @ covariances[1] @ half).clip(0.0)).sum()
    return float(apart @ apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2.0 * root)


def kernel_distance(first: Features, second: Features) -> float:
    """The unbiased squared maximum mean discrepancy under the kernel `(x . y / D + 1)^3`; near 0 where sets agree.

    Bińkowski et al. 2018 (arXiv:1801.01401), Sec. 4: its expectation does not depend on the number of pictures, and it
    may come out below 0.

    Args:
        first: one row a picture (N, D), N at least 2.
        second: (M, D), M at least 2.

    Raises:
        InputError: features of different lengths, or too few rows.
    """
    _check(first, second, 2)
    one, other = first.astype(np.float64), second.astype(np.float64)
    within = [_mean_off_diagonal(polynomial_kernel(rows, degree=3, coef0=1)) for rows in (one, other)]
    return float(sum(within) - 2.0 * polynomial_kernel(one, other, degree=3, coef0=1).mean())


def precision_recall(
    real: Features, made: Features, neighbour: int = NEIGHBOUR
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which made pictures lie among the real ones (M,), and which real ones among the made (N,).

    A set's region is the union of balls around its rows that reach to their `neighbour`-th nearest other row
    (Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1). The share of the first is precision (do samples look real?), of
    the second recall (is all that is real also made?).

    Args:
        real: features (N, D), N above `neighbour`.
        made: features (M, D), M above `neighbour`.
        neighbour: k, at least 1.

    Raises:
        InputError: features of different lengths, or too few rows.
    """
    _check(real, made, neighbour + 1)
    return _inside(made, real, neighbour), _inside(real, made, neighbour)


def _inside(rows: Features, region: Features, neighbour: int) -> NDArray[np.bool_]:
    """Which of `rows` lie in a ball around a row of `region`."""
    reach = NearestNeighbors(n_neighbors=neighbour, algorithm="brute").fit(region).kneighbors()[0][:, -1]
    found = np.zeros(len(rows), bool)
    squares = (region.astype(np.float64) ** 2).sum(1)
    for start in range(0, len(rows), 1000):
        part = rows[start : start + 1000].astype(np.float64)
        distances = (part**2).sum(1)[:, None] + squares - 2.0 * part @ region.astype(np.float64).T
        found[start : start + 1000] = (distances <= reach**2).any(1)
    return found


def _mean_off_diagonal(kernel: NDArray[np.float64]) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


def _check(first: Features, second: Features, least: int) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < least:
        raise InputError(
            f"need two sets of at least {least} rows of features of one length; got {first.shape} and {second.shape}"
        )
