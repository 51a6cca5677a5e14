"""Answers counted by class: which class is taken for which, and the share of each that is right, with its interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.metrics.intervals import wilson

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassShare:
    """How many things of one class are right.

    Attributes:
        hits: those that are.
        n: of how many.
        low: lower end of the share's Wilson interval at 95 %, in [0, 1]; 0 without things.
        high: its upper end; 1 without things.
    """

    hits: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share, in [0, 1]; NaN without things."""
        return self.hits / self.n if self.n else float("nan")


def confusion_matrix(labels: NDArray[np.integer], answers: NDArray[np.integer], classes: int) -> Counts:
    """Counts (K, K): row the true class, column the class answered.

    Args:
        labels: true classes (n,), 0 to K - 1.
        answers: classes answered (n,), likewise.
        classes: K.

    Raises:
        InputError: other lengths, or a class outside 0..K-1.
    """
    both = np.stack([labels, answers]) if len(labels) == len(answers) else np.array([[-1]])
    if both.size and (both.min() < 0 or both.max() >= classes):
        raise InputError(f"need as many answers as labels, all from 0 to {classes - 1}")
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (both[0], both[1]), 1)
    return counts


def class_shares(counts: Counts) -> tuple[ClassShare, ...]:
    """The share of each true class that is answered right, of a confusion matrix (K, K)."""
    return tuple(class_share(int(row[index]), int(row.sum())) for index, row in enumerate(counts))


def class_share(hits: int, n: int) -> ClassShare:
    """A share `hits / n` with its interval, also where n is 0."""
    return ClassShare(hits, n, *(wilson(hits, n) if n else (0.0, 1.0)))
