"""Intervals at 95 %: Wilson for shares, seeded bootstrap for everything else."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

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


def bootstrap(
    values: NDArray[np.floating],
    statistic: Callable[[NDArray[np.floating]], float],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """The percentile bootstrap interval at 95 % of `statistic` (Efron, Tibshirani 1993, ch. 13).

    Args:
        values: one row per image (n, ...).
        statistic: from resampled rows (n, ...) to a number.
        seed: of the resampling.
        resamples: how many resamples are drawn.

    Raises:
        InputError: no values.
    """
    if len(values) == 0:
        raise InputError("a bootstrap needs at least one value")
    rng = np.random.default_rng(seed)
    draws = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(resamples)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
