"""Accuracies on codes: exact where the answer is known, whatever the batch."""

import numpy as np
import pytest
import torch

from core.errors import ConfigError
from core.latent import metrics
from core.latent.metrics import right_on_codes, right_under_noise, right_when_decayed
from core.latent.noise import decayed
from tests.helpers.known_autoencoders import codes_and_classes, normal, planes


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(metrics, "BATCH", 7)


def test_right_is_what_the_classifier_says_of_the_pictures(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 40)
    right = right_on_codes(curved, classifier, z, labels)
    assert np.array_equal(right, (classifier(curved.decode(z, labels)).argmax(1) == labels).numpy())
    assert 0 < right.sum() < 40
    inside = right_when_decayed(curved, classifier, z, labels, 1.0)
    assert np.array_equal(inside, right_on_codes(curved, classifier, decayed(z, 1.0), labels))
    assert not np.array_equal(inside, right)


def test_without_noise_every_draw_is_the_code_itself(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 20)
    right = right_under_noise(curved, classifier, z, labels, 0.0, 3, torch.Generator().manual_seed(0))
    assert right.shape == (20, 3)
    assert (right == right_on_codes(curved, classifier, z, labels)[:, None]).all()


def test_noise_accuracy_is_the_normal_distribution_beyond_a_plane(linear):
    """A linear pair with two classes: the share of noisy codes on the right side of the plane, in closed form."""
    net, z, epsilon = planes(2), normal(1, 12, seed=2), 0.7
    labels = net(linear.decode(decayed(z, epsilon), torch.tensor([0]))).argmax(1)
    right = right_under_noise(
        linear, net, z.expand(1000, -1), labels.expand(1000), epsilon, 4, torch.Generator().manual_seed(0)
    )
    logits = net(linear.decode(decayed(z, epsilon), labels))[0]
    own, other = int(labels), 1 - int(labels)
    normal_of = (net[1].weight[own] - net[1].weight[other]) @ linear.weight * (1 + 0.1 * own)
    sigma = float(normal_of.norm()) * epsilon / (1 + epsilon**2) ** 0.5
    expected = float(torch.special.ndtr((logits[own] - logits[other]) / sigma))
    assert 0.55 < expected < 0.95
    assert right.mean() == pytest.approx(expected, abs=5 * (expected * (1 - expected) / 4000) ** 0.5)


def test_more_noise_tells_less(curved, classifier):
    z = normal(300, 6, seed=0)
    labels = classifier(curved.decode(z, torch.zeros(300, dtype=torch.int64))).argmax(1)
    own = torch.zeros(300, dtype=torch.int64)  # decoded in the class whose answers the labels are
    generator = torch.Generator().manual_seed(0)

    def told(epsilon):
        pictures = curved.decode(z, own)
        assert np.array_equal(classifier(pictures).argmax(1), labels)

        class Own:
            latent = 6

            def decode(self, z, labels):
                return curved.decode(z, torch.zeros_like(labels))

        return right_under_noise(Own(), classifier, z, labels, epsilon, 3, generator).mean()

    assert told(0.0) == 1 > told(0.3) > told(1.0)


def test_no_draws_are_refused(curved, classifier):
    z, labels = codes_and_classes(curved, classifier, 2)
    with pytest.raises(ConfigError):
        right_under_noise(curved, classifier, z, labels, 1.0, 0, torch.Generator())
    with pytest.raises(ConfigError):
        right_when_decayed(curved, classifier, z, labels, -1.0)
