"""The Square attack asks for answers alone: exact on a linear network, in its ball, and the same from the same seed."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.attacks.square import Square
from core.errors import ConfigError
from tests.helpers.networks import linear


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class NoGradient(nn.Module):
    """Answers by the mean of the first channel, cut off from any gradient."""

    def forward(self, x):
        mean = x[:, 0].mean((1, 2)).detach()
        return torch.stack([mean, 0.5 - 0 * mean], 1)


def test_it_finds_what_the_mean_of_a_channel_gives_away_without_a_gradient():
    x = torch.full((2, 3, 8, 8), 0.56)
    x_adv = Square(0.1)(NoGradient(), x, torch.zeros(2, dtype=torch.int64), seeded())
    assert (NoGradient()(x_adv).argmax(1) == 1).all() and (NoGradient()(x).argmax(1) == 0).all()
    assert (x_adv - x).abs().max() <= 0.1 + 1e-6


def test_the_margin_of_a_linear_network_falls_to_nearly_its_least():
    """The least in the ball is that of the corner against the gradient; one pixel a square, it is reached."""
    model, x = linear(2, 12), torch.full((1, 3, 2, 2), 0.5)
    label = torch.tensor([int((model(x) + torch.tensor([[100.0, 0.0]])).argmax(1))])
    model[1].bias.data += torch.tensor([100.0, 0.0])  # so far ahead that it goes on to the end
    slope = (model[1].weight[0] - model[1].weight[1]).view(1, 3, 2, 2)
    least = model(x - 0.1 * slope.sign())
    found = model(Square(0.1, queries=2000, share=0.25)(model, x, label, seeded()))
    assert_close(found[:, 0] - found[:, 1], least[:, 0] - least[:, 1], rtol=1e-4, atol=1e-3)


def test_zero_is_the_identity_and_a_seed_gives_the_same_images_again():
    model, x = linear(3, 192), torch.rand(4, 3, 8, 8, generator=seeded(1))
    labels = model(x).argmax(1)
    assert torch.equal(Square(0.0)(model, x, labels, seeded()), x)
    once, again = (Square(0.05)(model, x, labels, seeded(5)) for _ in range(2))
    assert torch.equal(once, again) and (once >= 0).all() and (once <= 1).all()


def test_an_image_that_is_wrong_already_stays_as_it_is():
    model, x = linear(3, 192), torch.rand(4, 3, 8, 8, generator=seeded(1))
    wrong = (model(x).argmax(1) + 1) % 3
    assert torch.equal(Square(0.1)(model, x, wrong, seeded()), x)


@pytest.mark.parametrize("settings", [{"epsilon": -1}, {"epsilon": 0.1, "queries": 0}, {"epsilon": 0.1, "share": 0}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError):
        Square(**settings)
