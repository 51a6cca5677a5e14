"""Conformal p-values, and what false-alarm rate the number of calibration images can promise."""

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, InputError

_ROUNDING = 1e-9  # 0.05 * 20 must count as 1


def halves(calibration: int) -> tuple[slice, slice]:
    """Which images of the `calibration` split a detector is fitted to, and which give the scores for p-values.

    The first half and the second: the split is in random order, and an image must not serve both, or its score is
    lower than that of a new image and more is flagged than promised.

    Raises:
        ConfigError: fewer than two images.
    """
    if calibration < 2:
        raise ConfigError(f"calibration needs at least two images; got {calibration}")
    return slice(0, calibration // 2), slice(calibration // 2, calibration)


def p_values(calibration: NDArray[np.floating], scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """For each score (B,) the p-value `(1 + #{calibration >= score}) / (n + 1)`, in (0, 1].

    Flagging what has p <= alpha then flags a normal image with chance at most alpha, over the draw of calibration and
    image, whatever the score's distribution (Vovk, Gammerman, Shafer 2005, ch. 2; Bates et al. 2023, arXiv:2104.08279).
    A tie counts against the flag, so that ties can only lower the rate.

    Args:
        calibration: scores (n,) of normal images that neither the network nor the detector was fitted to.
        scores: higher is more anomalous; infinity is allowed.

    Raises:
        InputError: no calibration scores, or a score that is no number.
    """
    if len(calibration) == 0 or np.isnan(calibration).any() or np.isnan(scores).any():
        raise InputError("p-values need at least one calibration score, and scores that are numbers")
    below = np.searchsorted(np.sort(calibration), scores, side="left")
    return np.asarray((1.0 + len(calibration) - below) / (len(calibration) + 1.0), np.float64)


def threshold(calibration: NDArray[np.floating], alpha: float) -> float:
    """The score above which p <= alpha: the l-th largest calibration score, `l = floor(alpha (n + 1))`.

    Infinite where there are too few calibration images to flag anything at this rate.

    Raises:
        ConfigError: alpha outside (0, 1).
        InputError: no calibration scores, or one that is no number.
    """
    if len(calibration) == 0 or np.isnan(calibration).any():
        raise InputError("a threshold needs at least one calibration score, and scores that are numbers")
    rank = _rank(len(calibration), alpha)
    return float("inf") if rank == 0 else float(np.sort(calibration)[len(calibration) - rank])


def false_alarm_interval(calibration: int, test: int, alpha: float, confidence: float = 0.95) -> tuple[float, float]:
    """Where the share of `test` normal images with p <= alpha must lie, with `confidence`, for scores without ties.

    Given `l = floor(alpha (n + 1))`, the chance that one calibration draw leaves for a flag is Beta(l, n + 1 - l), so
    the number of flags is beta-binomial (Vovk 2012, arXiv:1209.2673; Bates et al. 2023, arXiv:2104.08279).
    The ends are its (1 - confidence) / 2 quantiles, within [0, 1]. With ties the lower end doesn't hold.

    Args:
        calibration: n, the number of calibration images.
        test: the number of normal test images.
        alpha: the rate promised, in (0, 1).
        confidence: for m checks at 95 % together, `1 - 0.05 / m`.

    Raises:
        ConfigError: sizes below 1, or a rate or confidence outside (0, 1).
    """
    if calibration < 1 or test < 1 or not 0 < confidence < 1:
        raise ConfigError(f"need sizes >= 1 and 0 < confidence < 1; got {calibration}, {test}, {confidence}")
    rank = _rank(calibration, alpha)
    if rank == 0:
        return 0.0, 0.0
    from scipy.stats import betabinom  # noqa: PLC0415 - takes seconds, and most verdicts need none

    flags = betabinom(test, rank, calibration + 1 - rank)
    low, high = flags.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low) / test, float(high) / test


def _rank(calibration: int, alpha: float) -> int:
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha must lie between 0 and 1; got {alpha}")
    return int(np.floor(alpha * (calibration + 1) + _ROUNDING))
