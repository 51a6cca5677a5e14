"""Whoever attacks takes steps in float32 unless asked otherwise, says in what, and judges in float32."""

import numpy as np
import pytest
import torch

from core.attacks.pgd import Pgd
from core.data.galleries import gallery
from core.data.tasks import CIFAR10
from core.explanations.attack_result import attack_result
from core.explanations.labelled_answers import AnswerSettings, measure_answers
from core.explanations.network_features import pulled_picture
from core.explanations.picture_facts import FactSettings, changing_radii
from core.explanations.region import attack_region, region_pgd
from core.images import fit
from core.metrics.box import Box
from core.models.zoo import load_zoo_model
from tests.helpers.pictures import columns

BOX = Box(4, 4, 16, 16)
BOTH = ("float32", "bfloat16")


@pytest.fixture(scope="module")
def network():
    return load_zoo_model("cifar10", "pgd-linf")


@pytest.fixture(scope="module")
def photos():
    """Pictures that ship (n, C, H, W)."""
    pictures = gallery(CIFAR10)
    keys = [key for key in pictures.items if not key.startswith("test:")]
    return torch.cat([fit(pictures.picture(key).pixels, CIFAR10.shape) for key in keys])


def test_an_attacks_result_says_its_precision_and_is_what_the_network_answers_in_float32(network, photos):
    whole, low = (attack_result(network, photos[:1], Pgd(8 / 255), precision=each) for each in BOTH)
    assert np.array_equal(attack_result(network, photos[:1], Pgd(8 / 255)).x_adv, whole.x_adv)
    assert (whole.settings["precision"], low.settings["precision"]) == ("float32", "bfloat16")
    assert not np.array_equal(whole.x_adv, low.x_adv)
    with torch.no_grad():
        answer = network.fast(torch.from_numpy(low.x_adv)[None]).softmax(1)[0]
    np.testing.assert_allclose(low.probs_adv, answer.numpy(), atol=1e-6)


def test_as_many_answers_change_either_way(network, photos):
    with torch.no_grad():
        answers = network.fast(photos).argmax(1)
    radii = (1 / 255, 2 / 255, 4 / 255, 8 / 255)
    settings = [FactSettings(radii, 5, each) for each in BOTH]
    whole, low = (changing_radii(network, photos, answers, each) for each in settings)
    assert 0 < np.isfinite(whole).sum() < len(photos) and np.mean(whole != low) < 0.1


def test_what_keeps_to_a_region_keeps_to_it_and_features_are_pulled_as_far(network, photos):
    x = photos[:1]
    held = attack_region(network, x, BOX, "inside", region_pgd(8 / 255, "linf", 3), precision="bfloat16")
    assert not held.delta[:, ~BOX.mask(32, 32)].any() and held.delta.any() and held.settings["precision"] == "bfloat16"
    whole, low = (pulled_picture(network, x, 8 / 255, precision=each) for each in BOTH)
    far = np.linalg.norm(whole.features_adv - whole.features)
    assert 0 < np.linalg.norm(low.features_adv - whole.features_adv) < 0.2 * far


def test_answers_to_labelled_images_state_steps_in_bfloat16_and_are_else_as_reports_hold_them(model):
    data, settings = columns(6, 0), AnswerSettings(0.1, steps=2)
    whole, low = (measure_answers(model, data, settings, precision=each) for each in BOTH)
    assert "precision" not in whole.settings and low.settings == {**whole.settings, "precision": "bfloat16"}
    assert np.array_equal(whole.logits, low.logits) and not np.array_equal(whole.logits_adv, low.logits_adv)
