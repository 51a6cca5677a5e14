"""Attacks kept to a part of the image: exactly kept there, exact on a linear network, measured from the images."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from core.errors import ConfigError, InputError
from core.explanations import attack_outside_map
from core.explanations.attack_outside_map import WHERE, attack_outside, attacks_outside, fewest_pixels
from core.explanations.smoothed_network import SMOOTHED_METHODS
from core.models.zoo import Card, ZooModel


class Linear(torch.nn.Module):
    """Ten classes, logits linear in the image."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.randn(10, 784, generator=torch.Generator().manual_seed(1)) / 28

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight.T


@pytest.fixture
def linear():
    network = Linear()
    card = Card("fashion-mnist", "linear", None, "recipe", {}, 0, "command", {}, sha256="0" * 64, parameters=0)
    return ZooModel(card, network, network)


@pytest.fixture
def x():
    return 0.3 + 0.4 * torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("method", SMOOTHED_METHODS)
def test_what_is_highlighted_stays_to_the_last_bit(model, x, method):
    for index, found in enumerate(attacks_outside(model, x, method, 0.1)):
        highlighted = found.highlighted
        assert 0 < highlighted.mean() < 0.9
        assert np.array_equal(found.x_adv[:, highlighted], x[index].numpy()[:, highlighted])
        assert (found.delta[:, ~highlighted] != 0).mean() > 0.5 and found.linf == pytest.approx(0.1, rel=1e-3)
        assert found.x_adv.min() >= 0 and found.x_adv.max() <= 1 and found.share_outside == 1
        assert found.probs_adv[found.before] < found.probs[found.before]


def test_inside_and_anywhere_are_what_they_say(model, x):
    inside, anywhere = (attack_outside(model, x[:1], "gradient", 0.1, where) for where in ("inside", "anywhere"))
    assert inside.share_outside == 0 and not inside.delta[:, ~inside.highlighted].any()
    energy = (anywhere.delta**2).sum(0)
    assert anywhere.share_outside == pytest.approx(energy[~anywhere.highlighted].sum() / energy.sum(), rel=1e-4)
    assert 0 < anywhere.share_outside < 1
    assert anywhere.probs_adv[anywhere.before] <= inside.probs_adv[inside.before] + 1e-6


def test_on_a_linear_network_it_finds_the_worst_corner_of_what_it_may_change(linear, x, monkeypatch):
    """Two classes in play: the loss rises along w_other - w_own; every free pixel goes to that end, no other moves."""
    linear.fast.weight[2:] = 0
    linear.fast.weight[0] = (4 + torch.rand(784, generator=torch.Generator().manual_seed(4))) / 28
    linear.fast.weight[1] = linear.fast.weight[0] - torch.randn(784, generator=torch.Generator().manual_seed(5)) / 28
    monkeypatch.setattr(attack_outside_map, "STEPS", 40)
    found = attack_outside(linear, x[:1], "gradient", 0.02)
    own = found.before
    other = 1 - own
    assert own in (0, 1)
    # The other eight classes are far off; their pull on the gradient is below the two classes' own.
    way = (linear.fast.weight[other] - linear.fast.weight[own]).view(28, 28)
    strong = (way.abs() > 0.02).numpy() & ~found.highlighted
    assert strong.sum() > 100
    assert_close(found.delta[0][strong], 0.02 * way.sign().numpy()[strong], atol=1e-5, rtol=1e-4)
    weights = linear.fast.weight[own].abs()
    order = weights.argsort(descending=True)
    enough = int((weights[order].cumsum(0) < 0.5 * weights.sum()).sum()) + 1
    assert found.highlighted.sum() == enough


def test_no_epsilon_no_change(model, x):
    found = attack_outside(model, x[:1], "grad-cam", 0.0)
    assert np.array_equal(found.x_adv, found.x) and found.share_outside == 0 and not found.changed


def test_same_seed_same_attack(model, x):
    one, again, other = (attack_outside(model, x[:1], "gradient", 0.1, seed=seed).x_adv for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


class StopError(Exception):
    """Ends the work, as a caller may."""


def test_progress_is_told_before_each_step_and_may_end_the_work(model, x, monkeypatch):
    told = []
    attack_outside(model, x[:1], "gradient", 0.1, on_progress=lambda done, of: told.append((done, of)))
    assert told == [(done, attack_outside_map.STEPS) for done in range(attack_outside_map.STEPS + 1)]
    asked = []
    network = model.fast.forward
    monkeypatch.setattr(model.fast, "forward", lambda images: (asked.append(len(images)), network(images))[1])

    def stop(done: int, of: int) -> None:
        asked.append(-done)
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        attack_outside(model, x[:1], "gradient", 0.1, on_progress=stop)
    assert asked[-5:] == [0, 1, -1, 1, -2]  # two steps, then nothing


def test_the_fewest_pixels():
    maps = torch.tensor([[[0.1, 0.4], [0.3, 0.2]], [[0.5, 0.5], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    half = fewest_pixels(maps, 0.5)
    assert half[0].tolist() == [[False, True], [True, False]]
    assert half[1].tolist() == [[True, False], [False, False]]
    assert not half[2].any()
    assert fewest_pixels(maps, 1.0)[1].tolist() == [[True, True], [False, False]]


def test_what_can_not_be_done_is_said(model, x):
    assert WHERE[0] == "outside"
    with pytest.raises(ConfigError, match="where"):
        attack_outside(model, x[:1], "gradient", 0.1, "beside")
    with pytest.raises(ConfigError, match="method"):
        attack_outside(model, x[:1], "lime", 0.1)
    with pytest.raises(ConfigError, match="epsilon"):
        attack_outside(model, x[:1], "gradient", -1.0)
    with pytest.raises(InputError):
        attack_outside(model, x, "gradient", 0.1)
