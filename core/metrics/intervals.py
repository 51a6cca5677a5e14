"""Intervals at 95 %: Wilson for shares, Newcombe for pairs of them, Student for trainings, seeded bootstrap else."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from core.errors import InputError

Z95 = 1.959963984540054  # the 97.5 % point of the standard normal
RESAMPLES = 1000


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The Wilson score interval at 95 % of a share `successes / n`, within [0, 1] (Wilson 1927, JASA 22:209).

    Raises:
        InputError: n < 1 or successes outside 0..n.
    """
    if n < 1 or not 0 <= successes <= n:
        raise InputError(f"need n >= 1 and successes in 0..n; got {successes} of {n}")
    share = successes / n
    centre = share + Z95**2 / (2 * n)
    half = Z95 * np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    scale = 1 + Z95**2 / n
    # The formula's ends are exactly 0 and 1 at the extremes; rounding must not move them.
    low = 0.0 if successes == 0 else float((centre - half) / scale)
    high = 1.0 if successes == n else float((centre + half) / scale)
    return low, high


def newcombe(both: int, first: int, second: int, neither: int) -> tuple[float, float]:
    """The interval at 95 % of the difference of two shares of the same n things, within [-1, 1].

    Newcombe 1998, Statistics in Medicine 17:2635, method 10: Wilson's ends of either share, brought together by the
    correlation of the pairs, which is corrected for continuity. Unlike a bootstrap it has a width where no two answers
    differ.

    Args:
        both: things of which both are true.
        first: those of which the first alone is true.
        second: those of which the second alone is true.
        neither: those of which none is true.

    Raises:
        InputError: no things, or a negative count.
    """
    n = both + first + second + neither
    if n < 1 or min(both, first, second, neither) < 0:
        raise InputError(f"need counts of at least 0, and one of them above; got {(both, first, second, neither)}")
    one, other = (both + first) / n, (both + second) / n
    (low_one, high_one), (low_other, high_other) = wilson(both + first, n), wilson(both + second, n)
    phi = _correlation(both, first, second, neither)
    below, above = one - low_one, high_other - other
    low = one - other - np.sqrt(max(below**2 - 2 * phi * below * above + above**2, 0.0))
    below, above = other - low_other, high_one - one
    high = one - other + np.sqrt(max(below**2 - 2 * phi * below * above + above**2, 0.0))
    return float(max(low, -1.0)), float(min(high, 1.0))


def _correlation(both: int, first: int, second: int, neither: int) -> float:
    """Phi of a table of pairs, a positive one corrected for continuity; 0 where a share is 0 or 1."""
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    surplus: float = both * neither - first * second
    if surplus > 0:
        surplus = max(surplus - (both + first + second + neither) / 2, 0.0)
    return surplus / float(margins) ** 0.5 if margins else 0.0


def student(values: NDArray[np.floating]) -> tuple[float, float]:
    """The interval at 95 % of the mean of a few independent values (n,) by Student's t: for trainings, not for images.

    Raises:
        InputError: fewer than two values.
    """
    if len(values) < 2:
        raise InputError(f"an interval over trainings needs at least two; got {len(values)}")
    half = float(stdtrit(len(values) - 1, 0.975)) * float(values.std(ddof=1)) / len(values) ** 0.5
    return float(values.mean()) - half, float(values.mean()) + half


def bootstrap(
    values: NDArray[np.floating],
    statistic: Callable[[NDArray[np.floating]], float],
    seed: int = 0,
) -> tuple[float, float]:
    """The percentile bootstrap interval at 95 % of `statistic`, from RESAMPLES (Efron, Tibshirani 1993, ch. 13).

    Args:
        values: one row per image (n, ...).
        statistic: from resampled rows (n, ...) to a number.
        seed: of the resampling.

    Raises:
        InputError: no values.
    """
    if len(values) == 0:
        raise InputError("a bootstrap needs at least one value")
    rng = np.random.default_rng(seed)
    draws = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(RESAMPLES)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
