"""Rules at activations that stand in the place of ReLU, and at gates, which don't."""

from inspect import signature

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from core.saliency.guided_backprop import guided_backprop
from tests.helpers.networks import seeded

RECTIFIERS = {
    "ReLU6": (nn.ReLU6, functional.relu6),
    "leaky, told by place": (nn.LeakyReLU, lambda u: functional.leaky_relu(u, 0.01, True)),
    "ELU": (nn.ELU, lambda u: functional.elu(u, inplace=True)),
    "GELU": (nn.GELU, functional.gelu),
    "SiLU": (nn.SiLU, lambda u: functional.silu(u, inplace=True)),
    "Hardswish": (nn.Hardswish, lambda u: functional.hardswish(u, True)),
    "Mish": (nn.Mish, functional.mish),
}


@pytest.mark.parametrize("name", RECTIFIERS)
@pytest.mark.parametrize("in_place", [False, True])
def test_other_rectifiers_lose_the_negative_part_of_what_arrives(x, name, in_place):
    """As a hook on each activation of the same network does it; by module, by name, once or again, in place or not."""
    module, function = RECTIFIERS[name]
    told = "inplace" in signature(module).parameters
    conv = seeded(nn.Conv2d(3, 3, 3, padding=1))

    def net(act):
        return lambda images: act(conv(act(conv(images)))).mean((2, 3))

    def hooked(u):
        h = module()(u)
        h.register_hook(torch.relu)
        return h

    image, classes = x.clone().requires_grad_(), torch.zeros(len(x), dtype=torch.int64)
    (expected,) = torch.autograd.grad(net(hooked)(image)[:, 0].sum(), image)
    for act in (module(inplace=True) if told and in_place else module(), function):
        assert_close(guided_backprop(net(act), x, classes), expected)


def test_gates_pass_what_arrives():
    """`h sigmoid(-h)` of h >= 0 is linear in its gate, whose slope is below 0: guiding it would lose that share."""
    image, classes = torch.full((1, 1, 2, 2), 2.0), torch.tensor([0])

    def net(images):
        h = torch.relu(images)
        return (h * torch.sigmoid(-h)).mean((2, 3)).repeat(1, 2)

    leaf = image.clone().requires_grad_()
    (slope,) = torch.autograd.grad(net(leaf)[0, 0], leaf)
    assert_close(guided_backprop(net, image, classes), slope.clamp_min(0))
