"""ECE by hand, on answers whose error is known, and a temperature that changes no answer."""

import numpy as np
import pytest

from core.errors import ConfigError, InputError
from core.metrics.calibration import reliability, tempered


def two_classes(confidence, right):
    """Probabilities (n, 2) that answer class 0 with these confidences, and labels that make them right or wrong."""
    confidence = np.array(confidence)
    return np.stack([confidence, 1 - confidence], 1), np.where(right, 0, 1)


def test_ece_is_the_mean_gap_of_the_bins_weighted_by_their_answers():
    """Of Guo et al. 2017, Eq. 3: three answers of 0.95 with two right, one of 0.61 that is wrong."""
    found = reliability(*two_classes([0.95, 0.95, 0.95, 0.61], [True, True, False, False]), bins=10)
    assert found.ece == pytest.approx(0.75 * abs(2 / 3 - 0.95) + 0.25 * 0.61)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 0, 3] and np.isnan(found.accuracy[0])
    assert found.overconfidence == pytest.approx((3 * 0.95 + 0.61) / 4 - 0.5)


def test_a_bin_holds_its_upper_edge_and_not_its_lower():
    found = reliability(*two_classes([0.5, 0.75, 1.0], [True] * 3), bins=4)
    assert found.counts.tolist() == [0, 1, 1, 1]


def test_answers_drawn_from_their_own_probabilities_are_calibrated():
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.5, 1.0, 40_000)
    probs, labels = two_classes(confidence, generator.uniform(size=40_000) < confidence)
    assert reliability(probs, labels).ece < 0.01
    assert reliability(probs, np.ones_like(labels)).ece == pytest.approx(0.75, abs=0.01)


def test_a_temperature_flattens_and_changes_no_answer():
    logits = np.random.default_rng(1).normal(size=(50, 5)) * 30
    cold, plain, warm = (tempered(logits, each) for each in (0.25, 1.0, 4.0))
    assert (cold.argmax(1) == logits.argmax(1)).all() and (warm.argmax(1) == logits.argmax(1)).all()
    assert (warm.max(1) < plain.max(1) + 1e-12).all() and (plain.max(1) < cold.max(1) + 1e-12).all()
    np.testing.assert_allclose(np.log(warm) - np.log(warm).mean(1, keepdims=True),
                               (logits - logits.mean(1, keepdims=True)) / 4, atol=1e-9)  # fmt: skip
    assert np.isfinite(tempered(logits * 1e4, 0.25)).all()


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ConfigError, match="temperature"):
        tempered(np.zeros((1, 2)), 0)
    with pytest.raises(InputError, match="finite"):
        tempered(np.array([[np.nan, 0]]))
    with pytest.raises(InputError, match="answers"):
        reliability(np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(ConfigError, match="bins"):
        reliability(np.ones((1, 2)), np.zeros(1, int), 0)
