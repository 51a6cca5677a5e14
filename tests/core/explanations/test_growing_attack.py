"""An attack that grows is the attack of each radius, and the gradient of the first answer throughout."""

import dataclasses

import numpy as np
import pytest
import torch

from core.attacks.pgd import Pgd
from core.errors import ConfigError, InputError
from core.explanations.attack_result import attack_result
from core.explanations.growing_attack import growing_attack
from core.explanations.prediction import predict
from core.progress import StoppedError
from tests.helpers.pictures import columns

ATTACKS = [Pgd(radius, "linf", 3) for radius in (0.02, 0.05, 0.3)]


@pytest.fixture
def x():
    return columns(1, 7).images()


def test_each_radius_is_attacked_as_on_its_own_and_explained_for_the_first_answer(model, x):
    told = []
    found = growing_attack(model, x, ATTACKS, seed=3, on_progress=lambda done, of: told.append((done, of)))
    look = predict(model, x)
    assert told == [(0, 3), (1, 3), (2, 3)] and found.radii == (0.0, 0.02, 0.05, 0.3)
    assert np.array_equal(found.x[0], look.x) and np.array_equal(found.heatmaps[0], look.heatmap)
    assert found.target == look.target and np.array_equal(found.probs[0], look.probs)
    for number, attack in enumerate(ATTACKS, 1):
        alone = attack_result(model, x, attack, 3)
        assert np.array_equal(found.x[number], alone.x_adv) and np.array_equal(found.probs[number], alone.probs_adv)
        version = torch.from_numpy(alone.x_adv)[None].requires_grad_()
        model.fast(version)[0, look.target].backward()
        np.testing.assert_allclose(found.attributions[number], version.grad[0].numpy(), rtol=1e-4, atol=1e-6)
    assert (np.diff(np.abs(found.x - found.x[0]).max((1, 2, 3))) > 0).all()


def test_it_stops_when_asked(model, x):
    with pytest.raises(StoppedError):
        growing_attack(model, x, ATTACKS, should_stop=lambda: True)


@pytest.mark.parametrize("attacks", [[], [Pgd(0.0)], [Pgd(0.1), Pgd(0.1)], [Pgd(0.2), Pgd(0.1)]])
def test_radii_that_do_not_rise_are_refused(model, x, attacks):
    with pytest.raises(ConfigError, match="rise"):
        growing_attack(model, x, attacks)


def test_a_network_without_gradients_is_refused(model, x, monkeypatch):
    look = dataclasses.replace(predict(model, x), attributions=None)
    monkeypatch.setattr("core.explanations.growing_attack.predict", lambda *_: look)
    with pytest.raises(InputError, match="no gradients"):
        growing_attack(model, x, ATTACKS)
