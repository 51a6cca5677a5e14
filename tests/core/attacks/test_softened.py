"""Softened networks answer alike, and cross-entropy has a gradient however sure they are."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.ddn import Ddn
from core.attacks.smallest import SmallestChange
from core.attacks.softened import LEAD, Softened


def linear(scale: float) -> nn.Module:
    """Two classes on 3 x 4 x 4 images, with logits this many times as large."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 2, bias=False))
    net[1].weight.data = scale * torch.randn(2, 48, generator=torch.Generator().manual_seed(0))
    return net.requires_grad_(False)


@pytest.fixture
def x():
    return 0.5 + 0.05 * torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def test_answers_stay_and_leads_end_at_ten(x):
    net = linear(1e6)
    logits, soft = net(x), Softened(net)(x)
    assert torch.equal(soft.argmax(1), logits.argmax(1))
    assert_close(soft.amax(1) - soft.amin(1), torch.full((6,), LEAD))
    assert torch.equal(soft.softmax(1) > 0.5, logits.softmax(1) > 0.5)


def test_an_unsure_network_is_left_as_it_is(x):
    net = linear(0.1)
    assert torch.equal(Softened(net)(x), net(x))


def test_there_is_a_gradient_where_cross_entropy_has_none(x):
    """And it is that of the logits' difference, so that it points across the boundary."""
    net = linear(1e6)
    labels = net(x).argmax(1)
    for model, found in ((net, False), (Softened(net), True)):
        start = x.clone().requires_grad_()
        (grad,) = torch.autograd.grad(cross_entropy(model(start), labels, reduction="sum"), start)
        assert bool(grad.flatten(1).any(1).all()) == found == bool(grad.any())
    across = (net[1].weight[1] - net[1].weight[0]) * (1 - 2 * labels[:, None])
    assert_close(torch.cosine_similarity(grad.flatten(1), across, dim=1), torch.ones(6))


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_searches_find_the_same_distance_however_sure_the_network_is(x, scale):
    """The boundary of logits a million times as large is where it was; DDN said that the image can not be broken."""
    net = linear(scale)
    logits, labels = net(x), net(x).argmax(1)
    distance = (logits[:, 0] - logits[:, 1]).abs() / (net[1].weight[0] - net[1].weight[1]).norm()
    found = Ddn()(net, x, labels)
    assert bool((net(found).argmax(1) != labels).all())
    assert_close((found - x).flatten(1).norm(dim=1), distance, rtol=0.06, atol=0.01)
    area = SmallestChange("smallest", 10, 50, 100)(Softened(net), x, labels)
    assert bool(area.reached.all())
    assert_close(area.distance * 48**0.5, distance, rtol=0.01, atol=1e-4)
