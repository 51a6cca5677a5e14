"""Layers whose weights are laid out once give what they give as usual, also after their weights changed."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.latent import laid_out
from core.latent.laid_out import FEWEST, rows_through

THERE = hasattr(torch.ops.mkldnn, "_linear_pointwise") and torch.backends.mkldnn.is_available()


@pytest.fixture
def layer():
    return nn.Linear(48, 32).requires_grad_(False)


@pytest.mark.parametrize("rows", [0, 1, FEWEST, 70])
def test_rows_come_out_as_usual(layer, rows):
    h = torch.randn(rows, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert_close(rows_through(layer, h), layer(h), rtol=1e-5, atol=1e-5)
    assert (layer in laid_out._LAID_OUT) == (THERE and rows >= FEWEST)


def test_weights_that_changed_are_laid_out_anew(layer):
    h = torch.randn(8, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = rows_through(layer, h)
        layer.weight.mul_(2.0)
        after = rows_through(layer, h)
    assert_close(after, layer(h), rtol=1e-5, atol=1e-5)
    assert float((after - before).abs().max()) > 0.1


def test_where_a_gradient_is_wanted_the_layer_answers_itself(layer):
    h = torch.randn(8, 48, requires_grad=True)
    (grad,) = torch.autograd.grad(rows_through(layer, h).sum(), h)
    assert_close(grad, layer.weight.sum(0).expand(8, 48))
    with torch.no_grad():
        assert torch.equal(rows_through(layer.double(), h.double()), layer(h.double()))
