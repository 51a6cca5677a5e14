"""Conformal p-values on small cases by hand, and the promised rate and interval by simulation."""

import numpy as np
import pytest

from core.anomaly import norm_detectors
from core.anomaly.conformal import false_alarm_interval, halves, p_values, threshold
from core.errors import ConfigError, InputError

CALIBRATION = np.array([3.0, 1.0, 2.0, 2.0])


@pytest.mark.parametrize("count", [2, 7, 2000])
def test_each_calibration_image_serves_once(count):
    images = list(range(count))
    fitted, scored = halves(count)
    assert images[fitted] + images[scored] == images and images[fitted] and images[scored]


def test_scores_of_images_that_the_detector_was_fitted_to_break_the_promise_those_of_the_other_half_keep_it():
    """Thirty values an image, two hundred images: the fitted ones lie nearer to their own mean than new ones do."""
    rng = np.random.default_rng(0)
    flagged = []
    for _ in range(20):
        calibration, test = rng.normal(size=(200, 30)), rng.normal(size=(500, 30))
        fitted, scored = halves(200)
        detector = norm_detectors.fit(calibration[fitted])
        same, other = (detector.score(calibration[part]) for part in (fitted, scored))
        flagged.append([(p_values(scores, detector.score(test)) <= 0.1).mean() for scores in (same, other)])
    share_same, share_other = np.mean(flagged, 0)
    assert share_other == pytest.approx(0.1, abs=0.02) and share_same > 0.12


def test_p_values_by_hand_ties_count_against_the_flag():
    scores = np.array([0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, np.inf])
    assert p_values(CALIBRATION, scores).tolist() == [1.0, 1.0, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2]


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("n", [1, 4, 9, 19, 20, 99])
def test_the_threshold_flags_exactly_what_the_p_value_flags(n, alpha):
    rng = np.random.default_rng(n)
    calibration = rng.integers(0, 12, n).astype(float)
    scores = np.concatenate([rng.integers(-1, 14, 50), calibration, [np.inf]])
    flagged = p_values(calibration, scores) <= alpha + 1e-12
    finite = np.isfinite(scores)
    assert (flagged == (scores > threshold(calibration, alpha)))[finite].all()


def test_too_few_calibration_images_flag_nothing():
    assert threshold(np.zeros(18), 0.05) == np.inf
    assert false_alarm_interval(18, 1000, 0.05) == (0.0, 0.0)
    assert threshold(np.zeros(19), 0.05) == 0.0  # 0.05 * 20 is 1, whatever its rounding


def test_the_interval_of_one_calibration_image_is_that_of_a_uniform_rate():
    """n = 1, alpha = 1/2: l = 1, the rate is Beta(1, 1), so flags of 99 images are uniform on 0..99."""
    assert false_alarm_interval(1, 99, 0.5, 0.91) == pytest.approx((4 / 99, 95 / 99))


def test_the_interval_narrows_to_the_rate_and_widens_with_confidence():
    low, high = false_alarm_interval(10**6, 10**6, 0.05)
    assert low == pytest.approx(0.05, abs=1e-3) and high == pytest.approx(0.05, abs=1e-3)
    narrow, wide = false_alarm_interval(1000, 10_000, 0.05), false_alarm_interval(1000, 10_000, 0.05, 0.999)
    assert wide[0] < narrow[0] < 0.05 < narrow[1] < wide[1]


@pytest.mark.parametrize(("n", "alpha"), [(200, 0.05), (99, 0.1), (150, 0.01)])
def test_simulated_false_alarms_keep_the_promise(n, alpha):
    rng = np.random.default_rng(0)
    rounds, test = 2000, 300
    shares = np.array([(p_values(rng.normal(size=n), rng.normal(size=test)) <= alpha).mean() for _ in range(rounds)])
    expected = np.floor(alpha * (n + 1) + 1e-9) / (n + 1)
    assert shares.mean() == pytest.approx(expected, abs=4 * shares.std() / rounds**0.5)
    low, high = false_alarm_interval(n, test, alpha, 0.9)
    inside = ((shares >= low - 1e-12) & (shares <= high + 1e-12)).mean()
    assert 0.89 <= inside <= (0.95 if low > 0 else 0.975)  # at least the confidence, and not much more
    assert (shares < low - 1e-12).mean() <= 0.065 and (shares > high + 1e-12).mean() <= 0.065


@pytest.mark.parametrize(
    "call",
    [
        lambda: p_values(np.array([]), np.array([1.0])),
        lambda: p_values(np.array([np.nan]), np.array([1.0])),
        lambda: p_values(np.array([1.0]), np.array([np.nan])),
        lambda: threshold(np.array([]), 0.1),
    ],
)
def test_scores_that_are_no_numbers_are_refused(call):
    with pytest.raises(InputError):
        call()


def test_one_image_can_not_be_halved():
    with pytest.raises(ConfigError):
        halves(1)


@pytest.mark.parametrize("settings", [(0, 1, 0.1), (1, 0, 0.1), (1, 1, 0.0), (1, 1, 1.0), (1, 1, 0.1, 1.0)])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError):
        false_alarm_interval(*settings)
