"""Detectors on features and logits: each against pytorch-ood or its paper's sum written out, and back from a file."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.anomaly.catalogue import DETECTORS
from core.anomaly.detector import CalibrationShape, FittingData, TrainingFeatures
from core.anomaly.library import detectors
from core.anomaly.measurements import GradientMeasurements
from core.errors import InputError

RNG = np.random.default_rng(0)
CLASSES, WIDTH = 3, 6
LABELS = np.arange(240) % CLASSES
TRAIN = np.abs(RNG.normal(size=(240, WIDTH)) + 3 * np.eye(CLASSES, WIDTH)[LABELS]).astype(np.float32)
TRAIN *= RNG.uniform(0.2, 5.0, size=(240, 1)).astype(np.float32)  # lengths that say nothing
HEAD = torch.nn.Linear(WIDTH, CLASSES)
SHAPE = CalibrationShape(np.ones(1, bool), CLASSES, WIDTH, 0)


def measured(features):
    with torch.no_grad():
        logits = HEAD(torch.from_numpy(features)).numpy()
    empty = np.zeros((len(features), 1), np.float32)
    return GradientMeasurements({"ones": empty}, empty, {}, logits.argmax(1), features, logits, empty)


FRESH = measured(np.abs(RNG.normal(size=(40, WIDTH))).astype(np.float32))
NOISE = np.abs(RNG.normal(size=(10, WIDTH))).astype(np.float32)
TRAINING = TrainingFeatures(TRAIN, LABELS, HEAD.weight.detach().numpy(), measured(TRAIN).logits, NOISE)
DATA = FittingData(measured(TRAIN[:50]), {}, SHAPE.weights, CLASSES, 0, TRAINING)


def score(key, of=FRESH):
    return DETECTORS[key].fit(DATA, {}).score(of, {})


def unit(features):
    return torch.from_numpy(features / np.linalg.norm(features, axis=1, keepdims=True))


def test_knn_is_the_librarys_distance_but_for_the_byte_that_a_feature_takes():
    theirs = detectors().KNN(None, k=10).fit_features(torch.from_numpy(TRAIN), torch.from_numpy(LABELS))
    np.testing.assert_allclose(score("knn"), theirs.predict_features(torch.from_numpy(FRESH.features)), atol=0.01)


def test_knn_keeps_the_first_thousand_and_where_there_are_fewer_than_ten_takes_the_farthest():
    many = replace(TRAINING, features=np.tile(TRAIN, (5, 1)))
    assert len(DETECTORS["knn"].fit(FittingData(FRESH, {}, SHAPE.weights, 3, 0, many), {}).bank) == 1_000
    axes = np.eye(4, WIDTH, dtype=np.float32)
    few = replace(TRAINING, features=axes)
    found = DETECTORS["knn"].fit(FittingData(FRESH, {}, SHAPE.weights, 3, 0, few), {})
    np.testing.assert_allclose(found.score(measured(9 * axes), {}), 2**0.5)


def test_mahalanobis_plus_is_the_librarys_mahalanobis_of_unit_features():
    theirs = detectors().Mahalanobis(None).fit_features(unit(TRAIN), torch.from_numpy(LABELS))
    expected = theirs.predict_features(unit(FRESH.features))
    np.testing.assert_allclose(score("mahalanobis-plus"), 2 * len(TRAIN) * expected, rtol=1e-3)


@pytest.mark.parametrize("key", ["knn", "mahalanobis-plus"])
def test_the_length_of_a_feature_does_not_count(key):
    longer = measured(FRESH.features * np.linspace(0.1, 9, len(FRESH))[:, None].astype(np.float32))
    np.testing.assert_allclose(score(key), score(key, longer), rtol=1e-3)


def test_gen_is_the_papers_sum_over_classes():
    p = torch.from_numpy(FRESH.logits).double().softmax(1).numpy()
    np.testing.assert_allclose(score("gen"), ((p * (1 - p)) ** 0.1).mean(1), rtol=1e-6)
    certain = measured(FRESH.features * np.float32(100))
    assert (score("gen", certain) < score("gen")).mean() > 0.9


def test_fdbd_is_the_librarys():
    theirs = detectors().fDBD(torch.nn.Identity(), HEAD).fit_features(torch.from_numpy(TRAIN))
    np.testing.assert_allclose(score("fdbd"), theirs.predict_features(torch.from_numpy(FRESH.features)), rtol=1e-4)


def test_rmd_is_the_librarys():
    theirs = detectors().RMD(None).fit_features(torch.from_numpy(TRAIN), torch.from_numpy(LABELS))
    expected = len(TRAIN) * theirs.predict_features(torch.from_numpy(FRESH.features)).numpy()
    np.testing.assert_allclose(score("rmd"), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("key", "theirs"),
    [
        ("react", lambda head: detectors().ReAct(None, head, threshold=float(np.percentile(TRAIN, 90)))),
        ("ash", lambda head: detectors().ASH(None, head, "ash-s", 0.9)),
        ("scale", lambda head: detectors().SCALE(None, head, 0.85)),
    ],
)
def test_shaped_features_have_the_energy_that_the_library_gives_with_the_whole_last_layer(key, theirs):
    large = measured(20 * FRESH.features)  # beyond what training features reach, for ReAct
    with torch.no_grad():
        maps = torch.from_numpy(large.features)[:, :, None, None]
        expected = theirs(lambda maps: HEAD(maps.flatten(1))).predict_feature_maps(maps)
    np.testing.assert_allclose(score(key, large), expected, rtol=1e-4, atol=1e-4)
    plain = -np.log(np.exp(large.logits.astype(np.float64)).sum(1))
    assert np.abs(score(key, large) - plain).max() > 0.1


@pytest.mark.parametrize("key", ["react", "ash", "scale"])
def test_features_that_are_all_zero_have_the_energy_of_the_logits(key):
    nothing = measured(np.zeros((3, WIDTH), np.float32))
    plain = -np.log(np.exp(nothing.logits.astype(np.float64)).sum(1))
    np.testing.assert_allclose(score(key, nothing), plain, rtol=1e-6)


FITTED = ("knn", "mahalanobis-plus", "fdbd", "grood", "nci", "nnguide", "rmd", "react", "ash", "scale")


@pytest.mark.parametrize("key", [*FITTED, "gen"])
def test_it_comes_back_from_its_arrays_and_they_are_checked(key):
    found = DETECTORS[key].fit(DATA, {})
    np.testing.assert_array_equal(DETECTORS[key].read(found.arrays(), SHAPE).score(FRESH, {}), found.score(FRESH, {}))
    for other in (
        CalibrationShape(SHAPE.weights, CLASSES, WIDTH + 1, 0),
        CalibrationShape(SHAPE.weights, CLASSES, 0, 0),
    ):
        if key in FITTED:
            with pytest.raises((ValueError, InputError)):
                DETECTORS[key].read(found.arrays(), other)


@pytest.mark.parametrize("key", FITTED)
def test_without_training_images_there_is_none(key):
    assert DETECTORS[key].fit(FittingData(FRESH, {}, SHAPE.weights, CLASSES, 0), {}) is None


def test_what_reads_light_measurements_reads_scores_of_such_alone_and_of_detectors_before_it():
    order = list(DETECTORS)
    for key, detector in DETECTORS.items():
        assert all(order.index(member) < order.index(key) for member in detector.of)
        assert not detector.light or all(DETECTORS[member].light for member in detector.of)
