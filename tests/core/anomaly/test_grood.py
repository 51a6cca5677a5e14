"""GROOD: gradients by autograd and the nearest by looking at all, who is kept, and the noise that it starts from."""

from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from core.anomaly import grood
from core.anomaly.catalogue import DETECTORS
from core.anomaly.detector import FittingData, TrainingFeatures
from core.anomaly.grood import gradients, noise_features
from core.anomaly.measurements import GradientMeasurements
from core.models.head import head_of

CLASSES, WIDTH = 3, 6


def measured(features):
    empty = np.zeros((len(features), 1), np.float32)
    logits = np.zeros((len(features), CLASSES), np.float32)
    return GradientMeasurements({"ones": empty}, empty, {}, logits.argmax(1), features, logits, empty)


def some_features(seed, count):
    return np.abs(np.random.default_rng(seed).normal(size=(count, WIDTH))).astype(np.float32)


def surely(labels):
    """Logits of which that of the class is the largest."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


LABELS = np.arange(90) % CLASSES
TRAIN = some_features(0, 90) + 2 * np.eye(CLASSES, WIDTH, dtype=np.float32)[LABELS]
TRAINING = TrainingFeatures(TRAIN, LABELS, np.zeros((CLASSES, WIDTH), np.float32), surely(LABELS), some_features(1, 10))


def fitted(training):
    return DETECTORS["grood"].fit(FittingData(measured(TRAIN), {}, np.ones(1, bool), CLASSES, 0, training), {})


def by_autograd(features, predicted):
    """The gradient of each image's loss on the prototype of noise, in double precision, as the authors' code has it."""
    classes = [TRAIN[label == LABELS].mean(0) for label in range(CLASSES)]
    places = torch.tensor(np.stack(classes), dtype=torch.float64)
    found = []
    for h, label in zip(torch.tensor(features, dtype=torch.float64), predicted, strict=True):
        noise = torch.tensor(TRAINING.noise.mean(0), dtype=torch.float64, requires_grad=True)
        scores = -torch.cat([places, noise[None]]).sub(h).norm(dim=1)
        (gradient,) = torch.autograd.grad(cross_entropy(scores[None], torch.tensor([label])), noise)
        found.append(gradient.numpy())
    return np.stack(found)


def test_gradients_are_autograds_towards_whatever_class():
    fresh, prototypes = some_features(2, 20), fitted(TRAINING).prototypes
    for label in range(CLASSES):
        np.testing.assert_allclose(gradients(fresh, prototypes), by_autograd(fresh, [label] * 20), rtol=1e-5, atol=1e-7)


def test_the_score_is_the_distance_to_the_nearest_training_image_that_is_answered_rightly():
    wrong = np.where(np.arange(90) % 4 == 0, (LABELS + 1) % CLASSES, LABELS)
    fresh, found = some_features(3, 20), fitted(replace(TRAINING, logits=surely(wrong)))
    bank = by_autograd(TRAIN, LABELS)[wrong == LABELS]
    expected = [np.linalg.norm(bank - one, axis=1).min() for one in by_autograd(fresh, [0] * 20)]
    np.testing.assert_allclose(found.score(measured(fresh), {}), expected, atol=1e-3)
    assert np.std(expected) > 0.01
    assert fitted(replace(TRAINING, logits=surely((LABELS + 1) % CLASSES))) is None


def test_a_thousand_training_images_are_looked_at_and_all_make_the_prototypes():
    many = {name: np.concatenate([getattr(TRAINING, name)] * 12) for name in ("features", "labels", "logits")}
    many["features"][1_000:] += 1
    found = fitted(replace(TRAINING, **many))
    assert len(found.bank) == 1_000
    first = many["features"][many["labels"] == 0].mean(0)
    np.testing.assert_allclose(found.prototypes[0], first, rtol=1e-5)
    np.testing.assert_allclose(found.prototypes[-1], TRAINING.noise.mean(0), rtol=1e-5)


def test_noise_is_that_of_the_least_sure_answers_and_hangs_on_the_seed(network, monkeypatch):
    found = noise_features(network, 1)
    np.testing.assert_array_equal(found, noise_features(network, 1))
    assert not np.allclose(found, noise_features(network, 2))
    monkeypatch.setattr(grood, "_KEPT", 100)
    every = noise_features(network, 1)
    with torch.no_grad():
        logits = head_of(network.fast, network.task.shape).linear(torch.from_numpy(every))
    order = logits.logsumexp(1).argsort().numpy()
    np.testing.assert_array_equal(found, every[order[:10]])
    assert found.shape[1] == every.shape[1] and len(every) == 100
