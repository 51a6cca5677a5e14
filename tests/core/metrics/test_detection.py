"""AUROC, AUPR and FPR at 95 % TPR against counts by hand."""

import numpy as np
import pytest

from core.errors import InputError
from core.metrics.detection import aupr, auroc, fpr95


def test_auroc_counts_pairs_and_ties_by_half():
    normal, anomalous = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0])
    assert auroc(normal, anomalous) == pytest.approx((1 + 0.5 + 3) / 6)
    assert auroc(anomalous, normal) == pytest.approx(1 - (1 + 0.5 + 3) / 6)


def test_aupr_is_the_mean_precision_at_each_anomaly():
    assert aupr(np.array([1.0, 3.0]), np.array([2.0, 4.0])) == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_fpr95_takes_the_threshold_that_still_flags_95_in_100():
    anomalous = np.arange(100.0)  # 95 of them lie at 5 or above
    assert fpr95(np.array([4.9, 5.0, 5.1, -1.0]), anomalous) == 0.5
    assert fpr95(np.array([4.9, 5.0]), np.array([5.0])) == 0.5  # one anomaly: all of them


@pytest.mark.parametrize("measure", [auroc, aupr, fpr95])
def test_an_empty_side_or_no_number_is_refused(measure):
    for normal, anomalous in (([], [1.0]), ([1.0], []), ([np.nan], [1.0])):
        with pytest.raises(InputError):
            measure(np.array(normal), np.array(anomalous))
