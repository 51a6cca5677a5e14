"""Closed forms of a layer's gradient norms against autograd."""

import pytest
import torch
from torch import nn
from torch.nn.functional import unfold
from torch.testing import assert_close

from core.anomaly import closed_forms
from tests.helpers.networks import seeded
from tests.helpers.pictures import rand

CONVOLUTIONS = {
    "3x3": nn.Conv2d(3, 4, 3, 1, 1),
    "stride": nn.Conv2d(3, 4, 3, 2, 1),
    "1x1": nn.Conv2d(3, 4, 1),
    "1x1 stride": nn.Conv2d(3, 4, 1, 2),
    "1x1 padded": nn.Conv2d(3, 4, 1, 1, 1),
    "oblong": nn.Conv2d(3, 4, (1, 3), (2, 1), (0, 2)),
    "dilated": nn.Conv2d(3, 4, 3, 1, 2, 2),
    "wide padding": nn.Conv2d(3, 4, 2, 3, 3),
    "no padding": nn.Conv2d(3, 4, (4, 3)),
}
GROUPED = {
    "depthwise": nn.Conv2d(6, 6, 3, 1, 1, groups=6),
    "two groups": nn.Conv2d(6, 4, (3, 2), (2, 1), (1, 2), groups=2),
    "dilated multiplier": nn.Conv2d(3, 6, 3, 1, 2, 2, groups=3),
    "1x1 in groups": nn.Conv2d(6, 8, 1, groups=2),
}


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of a map, as torchvision and timm write it."""

    def forward(self, h):
        """The shape of `h`."""
        return super().forward(h.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


NORMS = {
    "of tokens": (nn.LayerNorm(5), (2, 7, 5)),
    "of one vector": (nn.LayerNorm(5), (2, 5)),
    "of places, channels last": (nn.LayerNorm(5), (2, 3, 4, 5)),
    "of a map": (LayerNorm2d(5), (2, 5, 3, 4)),
}


def check_against_autograd(module, a):
    """Norms, and dot products with a direction, of each image's gradient on the parameters of a layer."""
    module, a = seeded(module).double(), a.double() - 0.4
    z = module(a)
    g = rand(*z.shape, seed=1).double() - 0.3
    own = dict(module.named_parameters())
    directions = {name: rand(*value.shape, seed=2).double() - 0.5 for name, value in own.items()}
    norms = closed_forms.squared_norms(module, a, g, frozenset(own))
    along = closed_forms.products(module, a, g, directions)
    for name, value in own.items():
        slow = [torch.autograd.grad(module(a[i : i + 1]), value, g[i : i + 1])[0] for i in range(len(a))]
        assert_close(norms[name], torch.stack([grad.square().sum() for grad in slow]))
        assert_close(along[name], torch.stack([(grad * directions[name]).sum() for grad in slow]))


@pytest.mark.parametrize("name", GROUPED)
def test_grouped_convolutions_are_autograds(name):
    assert closed_forms.has_closed_form(GROUPED[name])
    check_against_autograd(GROUPED[name], rand(2, GROUPED[name].in_channels, 7, 5))


@pytest.mark.parametrize("name", NORMS)
def test_layer_norms_are_autograds(name):
    module, shape = NORMS[name]
    assert closed_forms.has_closed_form(module)
    check_against_autograd(module, rand(*shape))


@pytest.mark.parametrize(
    "way", ["chosen", closed_forms._by_shifts, closed_forms._by_unfolding, closed_forms._by_pixels]
)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_each_way_to_a_convolutions_norm_is_autograds(name, way):
    conv = seeded(CONVOLUTIONS[name]).double()
    a = rand(2, 3, 7, 5).double()
    z = conv(a)
    g = rand(*z.shape, seed=1).double() - 0.3
    if way == "chosen":
        found = closed_forms.squared_norms(conv, a, g, frozenset({"weight", "bias"}))
    else:
        found = {"weight": way(conv, a, g)}
    for own, value in found.items():
        expected = [torch.autograd.grad(conv(a[i : i + 1]), getattr(conv, own), g[i : i + 1])[0] for i in range(2)]
        assert_close(value, torch.stack([grad.square().sum() for grad in expected]))


def test_a_convolutions_gradient_is_the_output_gradient_times_the_unfolded_input():
    a, g = rand(2, 3, 6, 6), rand(2, 4, 6, 6, seed=1)
    expected = (g.flatten(2) @ unfold(a, 3, padding=1).transpose(1, 2)).square().sum((1, 2))
    found = closed_forms.squared_norms(nn.Conv2d(3, 4, 3, padding=1), a, g, frozenset({"weight"}))
    assert_close(found["weight"], expected)


@pytest.mark.parametrize("shape", [(40, 8, 3, 3), (2, 8, 16, 16), (64, 64, 4, 4), (32, 4, 8, 8)])
def test_the_way_chosen_by_cost_changes_no_number(shape):
    inputs, outputs, height, width = shape
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    a, g = rand(2, inputs, height, width).double(), rand(2, outputs, height, width, seed=1).double() - 0.5
    assert_close(
        closed_forms.squared_norms(conv, a, g, frozenset({"weight"}))["weight"], closed_forms._by_shifts(conv, a, g)
    )


def test_a_linear_layer_on_many_places_adds_up_the_gradient_before_its_norm():
    for places in (3, 40):
        linear = seeded(nn.Linear(6, 5)).double()
        a, g = rand(2, places, 6).double(), rand(2, places, 5, seed=1).double() - 0.5
        found = closed_forms.squared_norms(linear, a, g, frozenset({"weight", "bias"}))
        assert_close(found["weight"], torch.einsum("bpo,bpq->boq", g, a).square().sum((1, 2)))
        assert_close(found["bias"], g.sum(1).square().sum(1))
