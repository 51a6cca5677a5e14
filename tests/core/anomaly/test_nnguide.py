"""NNGuide: the authors' mean of products written out, its bank, and images that are like no other."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.anomaly.catalogue import DETECTORS
from core.anomaly.detector import CalibrationShape, FittingData, TrainingFeatures
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements

CLASSES, WIDTH = 3, 6
RNG = np.random.default_rng(1)
HEAD = torch.nn.Linear(WIDTH, CLASSES)
SHAPE = CalibrationShape(np.ones(1, bool), CLASSES, WIDTH, 0)


def logits_of(features):
    with torch.no_grad():
        return HEAD(torch.from_numpy(features)).numpy()


def measured(features):
    logits, empty = logits_of(features), np.zeros((len(features), 1), np.float32)
    return GradientMeasurements({"ones": empty}, empty, {}, logits.argmax(1), features, logits, empty)


TRAIN = 4 * np.abs(RNG.normal(size=(90, WIDTH))).astype(np.float32)
FRESH = 4 * np.abs(RNG.normal(size=(40, WIDTH))).astype(np.float32)
TRAINING = TrainingFeatures(TRAIN, np.arange(90) % CLASSES, HEAD.weight.detach().numpy(), logits_of(TRAIN), TRAIN[:10])


def fitted(training=TRAINING):
    return DETECTORS["nnguide"].fit(FittingData(measured(TRAIN), {}, SHAPE.weights, CLASSES, 0, training), {})


def test_the_score_is_the_mean_of_the_ten_largest_products_times_the_energy_but_for_the_byte_of_a_feature():
    expected = []
    for h, z in zip(FRESH, logits_of(FRESH), strict=True):
        products = []
        for other, of in zip(TRAIN, logits_of(TRAIN), strict=True):
            cosine = h @ other / (np.linalg.norm(h) * np.linalg.norm(other))
            products.append(cosine * np.log(np.exp(of).sum()))
        guidance = sum(sorted(products, reverse=True)[:10]) / 10
        expected.append(-guidance * np.log(np.exp(z).sum()))
    found = fitted().score(measured(FRESH), {})
    np.testing.assert_allclose(found, expected, rtol=0.01)
    assert np.std(expected) > 0.1 and found.shape == (40,) and found.dtype == np.float64


def test_it_is_the_librarys_but_for_the_byte_of_a_feature():
    theirs = detectors().NNGuide(None, HEAD, 10).fit_features(torch.from_numpy(TRAIN), torch.zeros(90))
    expected = theirs.predict_features(torch.from_numpy(FRESH))
    np.testing.assert_allclose(fitted().score(measured(FRESH), {}), expected, rtol=0.01)


def test_the_first_thousand_training_images_are_kept_and_of_fewer_than_ten_all_count():
    many = {name: np.concatenate([getattr(TRAINING, name)] * 12) for name in ("features", "labels", "logits")}
    found = fitted(replace(TRAINING, **many))
    assert found.bank.shape == (1_000, WIDTH) and found.energies.shape == (1_000,)
    axes, answers = np.eye(4, WIDTH, dtype=np.float32), np.zeros((4, CLASSES), np.float32)
    few = fitted(replace(TRAINING, features=axes, logits=answers))
    expected = -np.log(CLASSES) / 4 * np.log(np.exp(logits_of(axes)).sum(1))
    np.testing.assert_allclose(few.score(measured(axes), {}), expected, rtol=1e-5)


def test_features_that_are_all_zero_are_guided_by_nothing():
    np.testing.assert_array_equal(fitted().score(measured(np.zeros((2, WIDTH), np.float32)), {}), 0.0)


def test_the_length_of_a_feature_counts_by_its_logits_alone():
    longer = replace(measured(FRESH), features=3 * FRESH)
    np.testing.assert_allclose(fitted().score(longer, {}), fitted().score(measured(FRESH), {}), rtol=1e-6)


def test_neighbours_and_energies_that_do_not_fit_are_refused():
    arrays, read = fitted().arrays(), DETECTORS["nnguide"].read
    np.testing.assert_array_equal(read(arrays, SHAPE).score(measured(FRESH), {}), fitted().score(measured(FRESH), {}))
    for name, array in (
        ("nnguide/bank", arrays["nnguide/bank"].astype(np.int16)),
        ("nnguide/bank", arrays["nnguide/bank"][:0]),
        ("nnguide/energies", arrays["nnguide/energies"][1:]),
        ("nnguide/energies", arrays["nnguide/energies"].astype(np.int64)),
    ):
        with pytest.raises(ValueError, match="neighbours"):
            read(arrays | {name: array}, SHAPE)
