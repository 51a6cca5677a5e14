"""NCI: the authors' sum written out image by image, what its two parts see, and features without a direction."""

import numpy as np
import pytest

from core.anomaly import nci
from core.anomaly.catalogue import DETECTORS
from core.anomaly.detector import CalibrationShape, FittingData, TrainingFeatures
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements

CLASSES, WIDTH = 3, 6
RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(CLASSES, WIDTH)).astype(np.float32)
BIAS = RNG.normal(size=CLASSES).astype(np.float32)
TRAIN = np.abs(RNG.normal(size=(90, WIDTH))).astype(np.float32)
FRESH = np.abs(RNG.normal(size=(40, WIDTH))).astype(np.float32)


def measured(features):
    logits, empty = features @ WEIGHT.T + BIAS, np.zeros((len(features), 1), np.float32)
    return GradientMeasurements({"ones": empty}, empty, {}, logits.argmax(1), features, logits, empty)


def fitted():
    of = measured(TRAIN)
    training = TrainingFeatures(TRAIN, np.arange(90) % CLASSES, WEIGHT, of.logits, TRAIN[:10])
    return DETECTORS["nci"].fit(FittingData(of, {}, np.ones(1, bool), CLASSES, 0, training), {})


def score(features):
    return fitted().score(measured(features), {})


def test_the_score_is_the_sum_written_out_image_by_image():
    mean, expected = TRAIN.astype(np.float64).mean(0), []
    for h in FRESH.astype(np.float64):
        logits = [sum(w * value for w, value in zip(row, h, strict=True)) for row in WEIGHT]
        towards = WEIGHT[int(np.argmax(np.array(logits) + BIAS))]
        along = sum(w * (value - g) for w, value, g in zip(towards, h, mean, strict=True))
        expected.append(-along / sum((h - mean) ** 2) ** 0.5 - 0.01 * sum(abs(h)))
    np.testing.assert_allclose(score(FRESH), expected, rtol=1e-5)
    assert score(FRESH).shape == (40,) and score(FRESH).dtype == np.float64


def test_it_is_the_librarys_with_the_same_weight_of_the_norm():
    import torch

    head = torch.nn.Linear(WIDTH, CLASSES)
    head.weight.data, head.bias.data = torch.from_numpy(WEIGHT), torch.from_numpy(BIAS)
    theirs = detectors().NCI(None, head, alpha=0.01).fit_features(torch.from_numpy(TRAIN))
    np.testing.assert_allclose(score(FRESH), theirs.predict_features(torch.from_numpy(FRESH)), rtol=1e-4)


def test_without_the_norm_only_the_direction_from_the_mean_counts(monkeypatch):
    """Along a ray from the mean, as long as the class stays, one part is the same and the other shrinks."""
    mean = TRAIN.mean(0)
    towards = 0.5 * WEIGHT[0]
    ray = np.stack([mean + length * towards for length in (4.0, 8.0, 16.0)]).astype(np.float32)
    assert set(measured(ray).predicted) == {0}
    whole = score(ray)
    assert whole[0] > whole[1] > whole[2]
    monkeypatch.setattr(nci, "_NORM_WEIGHT", 0.0)
    np.testing.assert_allclose(score(ray), -np.linalg.norm(WEIGHT[0]), rtol=1e-4)


def test_features_at_the_mean_have_no_direction_and_a_finite_score():
    found = fitted()
    at_mean = found.mean[None]
    np.testing.assert_allclose(found.score(measured(at_mean), {}), -0.01 * np.abs(at_mean).sum(1), rtol=1e-6)


def test_weights_and_mean_of_another_network_are_refused():
    arrays, read = fitted().arrays(), DETECTORS["nci"].read
    shape = CalibrationShape(np.ones(1, bool), CLASSES, WIDTH, 0)
    np.testing.assert_array_equal(read(arrays, shape).score(measured(FRESH), {}), score(FRESH))
    with pytest.raises(ValueError, match="mean"):
        read(arrays | {"nci/mean": arrays["nci/mean"][:-1]}, shape)
    with pytest.raises(ValueError, match="last layer"):
        read(arrays, CalibrationShape(np.ones(1, bool), CLASSES + 1, WIDTH, 0))
