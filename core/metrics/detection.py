"""How well scores tell anomalies from normal images: AUROC, AUPR and the false alarms at 95 % detection."""

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

Scores = NDArray[np.floating]


def auroc(normal: Scores, anomalous: Scores) -> float:
    """The chance that an anomaly scores above a normal image, ties counted half.

    Raises:
        InputError: no scores on one side, or scores that are no numbers.
    """
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - takes seconds

    return float(roc_auc_score(*_labelled(normal, anomalous)))


def aupr(normal: Scores, anomalous: Scores) -> float:
    """The average precision with the anomalies as positives; it depends on how many there are of each.

    Raises:
        InputError: no scores on one side, or scores that are no numbers.
    """
    from sklearn.metrics import average_precision_score  # noqa: PLC0415 - takes seconds

    return float(average_precision_score(*_labelled(normal, anomalous)))


def fpr95(normal: Scores, anomalous: Scores) -> float:
    """The share of normal images flagged at the largest threshold that flags at least 95 % of the anomalies.

    Raises:
        InputError: no scores on one side, or scores that are no numbers.
    """
    _labelled(normal, anomalous)
    ranked = np.sort(anomalous)[::-1]
    threshold = ranked[int(np.ceil(0.95 * len(ranked))) - 1]
    return float((normal >= threshold).mean())


def _labelled(normal: Scores, anomalous: Scores) -> tuple[NDArray[np.int64], Scores]:
    scores = np.concatenate([normal, anomalous])
    if not len(normal) or not len(anomalous) or np.isnan(scores).any():
        raise InputError("detection is measured on at least one image a side, with scores that are numbers")
    return np.repeat(np.array([0, 1]), [len(normal), len(anomalous)]), scores
