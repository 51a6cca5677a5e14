"""Calibration: whether the probability that a classifier gives its answer is the share of such answers that are right.

Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599: reliability diagrams and ECE in Sec. 2, temperature in Sec. 4.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, InputError

BINS = 15

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Answers sorted into M bins of equal width by their confidence, the probability of the class answered.

    Attributes:
        edges: of the bins (M + 1,), from 0 to 1; a bin holds its upper edge and not its lower one (Sec. 2).
        counts: answers in each bin (M,), int64.
        confidence: their mean confidence (M,); NaN in an empty bin.
        accuracy: the share of them that is right (M,); NaN in an empty bin.
    """

    edges: Array
    counts: NDArray[np.int64]
    confidence: Array
    accuracy: Array

    @property
    def ece(self) -> float:
        """Expected calibration error, in [0, 1]: the mean over answers of their bin's |accuracy - confidence| (Eq. 3).

        It does not see which way the error goes, and depends on the bins: compare it only between equal ones.
        """
        gaps = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float((gaps * self.counts).sum() / self.counts.sum())

    @property
    def overconfidence(self) -> float:
        """Mean confidence minus accuracy over all answers, in [-1, 1]: above 0 it is surer than it should be."""
        gaps = np.nan_to_num(self.confidence - self.accuracy)
        return float((gaps * self.counts).sum() / self.counts.sum())


def tempered(logits: NDArray[np.floating], temperature: float = 1.0) -> Array:
    """The softmax of logits (n, K) over a temperature, float64: above 1 flattens, and no answer changes.

    Raises:
        ConfigError: a temperature that is not above 0.
        InputError: logits that are not finite.
    """
    if not 0 < temperature < float("inf"):
        raise ConfigError(f"temperature must be above 0; got {temperature}")
    scaled = np.asarray(logits, np.float64) / temperature
    if not np.isfinite(scaled).all():
        raise InputError("logits must be finite")
    raised = np.exp(scaled - scaled.max(1, keepdims=True))
    probs: Array = raised / raised.sum(1, keepdims=True)
    return probs


def reliability(probs: NDArray[np.floating], labels: NDArray[np.integer], bins: int = BINS) -> Reliability:
    """Confidence and accuracy in bins of equal width.

    Args:
        probs: probabilities (n, K).
        labels: true classes (n,).
        bins: M.

    Raises:
        InputError: no answers, or another number of labels.
        ConfigError: bins < 1.
    """
    if bins < 1:
        raise ConfigError(f"bins must be at least 1; got {bins}")
    if len(probs) == 0 or len(probs) != len(labels):
        raise InputError(f"need answers and as many labels; got {len(probs)} and {len(labels)}")
    confidence, right = probs.max(1).astype(np.float64), probs.argmax(1) == labels
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        sums = (np.bincount(place, values, bins) for values in (confidence, right.astype(np.float64)))
        means = [total / counts for total in sums]
    return Reliability(edges, counts.astype(np.int64), *means)
