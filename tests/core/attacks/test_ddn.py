"""DDN: the distance to a linear boundary, inside [0, 1], and the image itself where there is nothing to find."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from core.attacks.ddn import Ddn
from core.errors import ConfigError


@pytest.fixture
def linear():
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        net[1].weight.copy_(torch.randn(2, 48, generator=generator))
        net[1].bias.zero_()
    return net.eval()


@pytest.fixture
def x():
    return 0.5 + 0.05 * torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def test_it_finds_the_distance_to_a_plane(linear, x):
    with torch.no_grad():
        logits = linear(x)
    labels = logits.argmax(1)
    w = linear[1].weight[0] - linear[1].weight[1]
    distance = (logits[:, 0] - logits[:, 1]).abs() / w.norm()
    found = Ddn()(linear, x, labels)
    lengths = (found - x).flatten(1).norm(dim=1)
    assert (linear(found).argmax(1) != labels).all() and found.min() >= 0 and found.max() <= 1
    torch.testing.assert_close(lengths.detach(), distance.detach(), rtol=0.06, atol=0.01)
    assert (lengths >= distance - 1e-5).all()


def test_more_steps_come_nearer(linear, x):
    with torch.no_grad():
        labels = linear(x).argmax(1)
    few, many = ((Ddn(steps)(linear, x, labels) - x).norm() for steps in (8, 200))
    assert many < few


def test_a_wrong_image_and_one_that_can_not_be_made_wrong_stay(linear, x):
    with torch.no_grad():
        labels = linear(x).argmax(1)
    before = x.clone()
    assert torch.equal(Ddn(5)(linear, x, 1 - labels), x)
    with torch.no_grad():
        linear[1].bias.copy_(torch.tensor([1e4, 0.0]))
    assert torch.equal(Ddn(5)(linear, x, torch.zeros_like(labels)), x)
    assert torch.equal(x, before) and linear[1].weight.grad is None


def by_the_paper(net, image, label, steps, start=1.0, gamma=0.05):
    """Algorithm 1 of Rony et al. for one image, without quantisation; its loop, and a look at the last point, too."""
    best, smallest, delta, radius = image.clone(), math.inf, torch.zeros_like(image), start
    for k in range(steps + 1):
        x = (image + delta).requires_grad_()
        logits = net(x[None])
        (g,) = torch.autograd.grad(cross_entropy(logits, label[None]), x)
        wrong = int(logits.argmax()) != int(label)
        if wrong and delta.norm() < smallest:
            best, smallest = image + delta, float(delta.norm())
        alpha = 0.01 + 0.99 * (1 + math.cos(math.pi * k / steps)) / 2
        delta = delta + alpha * g / g.norm()
        radius *= (1 - gamma) if wrong else (1 + gamma)
        delta = (image + radius * delta / delta.norm()).clamp(0, 1) - image
    return best


def test_it_is_the_papers_algorithm_also_where_pixels_reach_their_limits():
    generator = torch.Generator().manual_seed(3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 20), nn.Tanh(), nn.Linear(20, 4)).eval()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    x = torch.rand(5, 3, 4, 4, generator=generator) ** 4  # most pixels near black
    with torch.no_grad():
        labels = net(x).argmax(1)
    for settings in ((12,), (25, 0.5, 0.1)):
        found = Ddn(*settings)(net, x, labels)
        expected = torch.stack([by_the_paper(net, *each, *settings) for each in zip(x, labels, strict=True)])
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        assert (found.amin((1, 2, 3)) == 0).any()


@pytest.mark.parametrize("settings", [(0,), (5, 0.0), (5, 1.0, 1.0)])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError):
        Ddn(*settings)
