"""The fast form equals the plain form, and a private copy keeps hooks to itself."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.models.fast import fast_form, private_copy
from core.models.resnet import PreActResNet, ResNetConfig


@pytest.fixture(params=["relu", "hhrelu"])
def model(request):
    """A network whose BatchNorms hold statistics and weights worth folding."""
    generator = torch.Generator().manual_seed(0)
    network = PreActResNet(ResNetConfig(widths=(8, 16), blocks=(2, 2), activation=request.param), generator)
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(16, 3, 16, 16, generator=generator))
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)
    return network.eval()


def test_fast_form_gives_the_same_logits_and_input_gradients(model):
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
    plain, fast = model(x), fast_form(model)(x)
    assert_close(fast, plain, rtol=1e-4, atol=1e-5)
    grads = [torch.autograd.grad(logits.square().sum(), x)[0] for logits in (plain, fast)]
    assert_close(grads[1], grads[0], rtol=1e-3, atol=1e-4 * float(grads[0].abs().max()))


@pytest.mark.parametrize("scale", [-0.7, 0.0, 1e-9, 0.2])
def test_fast_form_holds_for_every_scale_a_norm_can_learn(model, scale):
    """A scale of zero or below can't be moved behind a ReLU, and a tiny one can't be divided by."""
    with torch.no_grad():
        model.stages[0][0].norm1.weight[3] = scale
        model.stages[1][0].norm1.weight[5] = scale
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert_close(fast_form(model)(x), model(x), rtol=1e-4, atol=1e-5)


def test_fast_form_leaves_the_plain_model_alone(model):
    before = copy.deepcopy(model.state_dict())
    model.train()
    fast = fast_form(model)
    assert model.training and all(p.requires_grad for p in model.parameters())
    assert not fast.training and not any(p.requires_grad for p in fast.parameters())
    with torch.no_grad():
        for parameter in fast.parameters():
            parameter.zero_()
    assert_close(model.state_dict(), before)


def test_fast_form_of_a_fast_form_is_itself(model):
    x = torch.rand(2, 3, 16, 16)
    fast = fast_form(model)
    assert_close(fast_form(fast)(x), fast(x))


def test_a_private_copy_is_joined_as_the_network_is():
    """A layer in two places is one layer in the copy, too, and whoever holds it aside holds the copy's."""
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))
    network.append(network[0])
    network.aside, network.by_name = [network[1]], {"first": network[0]}
    network.once_more = network.by_name
    found = private_copy(network)
    assert found[0] is found[2] is found.by_name["first"] and found[0] is not network[0]
    assert found.aside == [found[1]] and found.once_more is found.by_name is not network.by_name


def test_a_module_that_is_copied_by_a_way_of_its_own_keeps_it():
    """As torch's recurrent layers do, whose weights are also held in a list."""
    network = nn.Sequential(nn.LSTM(3, 4))
    found = private_copy(network)
    assert found[0]._flat_weights[0] is found[0].weight_ih_l0 is network[0].weight_ih_l0
    x = torch.ones(2, 1, 3)
    assert torch.equal(found[0](x)[0], network[0](x)[0])


def test_private_copy_shares_weights_but_not_hooks_or_modes(model):
    copied = private_copy(model)
    assert all(a is b for a, b in zip(model.parameters(), copied.parameters(), strict=True))
    assert all(a is b for a, b in zip(model.buffers(), copied.buffers(), strict=True))
    copied.stem.register_forward_hook(lambda module, args, output: output * 0)
    copied.train()
    assert not model.stem._forward_hooks and not model.training
    x = torch.rand(2, 3, 16, 16)
    assert not torch.equal(copied.eval()(x), model(x))
