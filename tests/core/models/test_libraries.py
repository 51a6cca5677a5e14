"""Networks of timm and torchvision by name: counted unbuilt, safe to be asked, folded where it is right."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.errors import ConfigError, InputError
from core.models import folding, zoo
from core.models.architectures.catalogue import architecture_of
from core.models.architectures.explicit import ExplicitAttention, ExplicitHardsigmoid
from core.models.architectures.timm_networks import TIMM_LIBRARY, TimmConfig
from core.models.architectures.torchvision_networks import TORCHVISION_LIBRARY, TorchvisionConfig
from core.models.folding import folded
from core.models.preprocessing import PRESETS
from tests.helpers.library_networks import SMALL, each, library_model, of_timm, of_torchvision
from tests.helpers.networks import seeded
from tests.helpers.pictures import rand

PLAIN = PRESETS["imagenet"]


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_parameters_are_counted_right_and_nothing_is_allocated_for_it(name):
    config = SMALL[name]
    model = architecture_of(config).build(config, (3, 32, 32))
    assert config.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert model.eval()(rand(2, 3, 32, 32)).shape == (2, 10)


def test_a_giant_is_refused_before_it_is_built():
    with pytest.raises(ConfigError, match=r"has 1,\d{3},\d{3},\d{3} parameters; at most 400,000,000"):
        _ = of_timm("vit_giant_patch14_224").parameters
    with pytest.raises(ConfigError, match="classes must lie in"):
        of_timm("resnet18", 10**12)


@pytest.mark.parametrize("config", [of_timm("resnet51"), of_torchvision("resnet51")])
def test_a_name_that_is_nearly_one_is_answered_with_those_near_it(config):
    with pytest.raises(ConfigError, match=r"has no classifier resnet51; it has .*resnet50"):
        architecture_of(config).build(config, (3, 32, 32))


def test_pictures_that_a_network_can_not_take_are_a_sentence():
    for config in (TimmConfig("vit_tiny_patch16_224", 10, PLAIN), TorchvisionConfig("inception_v3", 10, PLAIN)):
        with pytest.raises(InputError, match="can't take pictures of 32 by 32 pixels; let its preprocessing resize"):
            architecture_of(config).build(config, (3, 32, 32))


def test_other_channels_than_three():
    for config in (TimmConfig, TorchvisionConfig):
        grey = config("resnet18", 4, replace(PLAIN, mean=(0.4,), std=(0.2,)))
        assert architecture_of(grey).build(grey, (1, 64, 64)).eval()(rand(2, 1, 64, 64)).shape == (2, 4)


def test_published_weights_say_their_preprocessing():
    assert TORCHVISION_LIBRARY.usual_preprocessing("resnet18") == replace(PLAIN, side=224)
    lite = TIMM_LIBRARY.usual_preprocessing("tf_efficientnet_lite0")
    assert (lite.mean, lite.side) == ((0.5,) * 3, 224)


def test_a_card_of_a_library_is_kept_and_loaded(tmp_path):
    made = library_model("squeezenet")
    zoo.save(made.plain, made.card, tmp_path)
    found = zoo.load_zoo_model("cifar10", "brought", tmp_path)
    x = rand(2, 3, 32, 32)
    assert found.card.network == SMALL["squeezenet"] and torch.equal(found.plain(x), made.plain(x))


@pytest.mark.slow
@pytest.mark.parametrize("name", each(("mobilenet-v3", "efficientnet", "efficientnet-lite")))
def test_folding_leaves_no_batch_norm_and_changes_no_answer(name):
    model = library_model(name)
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.plain.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.fast.modules())
    x = rand(2, 3, 32, 32, seed=4)
    assert_close(model.fast(x), model.plain(x), rtol=1e-3, atol=1e-5)
    assert not any(parameter.requires_grad for parameter in model.fast.parameters())


class Shared(nn.Module):
    """A convolution that is also read by something else than its norm."""

    shape = (3, 8, 8)

    def __init__(self, way):
        super().__init__()
        self.way, self.conv, self.norm = way, nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        h = self.conv(x)
        if self.way == "branches on values" and float(h.sum()) > 1e9:
            return h.sum((2, 3))
        return (self.norm(h) + (0 if self.way == "one reader" else h)).mean((2, 3))


@pytest.mark.parametrize("way", ["one reader", "two readers", "branches on values"])
def test_the_network_itself_stands_in_where_nothing_can_be_folded(way):
    model = seeded(Shared(way))
    model.norm.running_mean.fill_(0.3)
    assert (folded(model) is model) == (way != "one reader")


def test_a_fold_that_would_answer_otherwise_is_thrown_away(monkeypatch):
    model = seeded(Shared("one reader"))
    monkeypatch.setattr(folding, "fuse_conv_bn_eval", lambda conv, norm: conv)
    assert folded(model) is model


def test_written_out_layers_are_torchs():
    tokens = rand(2, 5, 8).double()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).double().eval()
    expected = theirs(tokens, tokens, tokens, need_weights=False)[0]
    theirs.__class__ = ExplicitAttention
    assert_close(theirs(tokens, tokens, tokens)[0], expected)
    with pytest.raises(NotImplementedError):
        theirs(tokens, tokens.clone(), tokens)
    u = torch.linspace(-4, 4, 17)
    assert_close(ExplicitHardsigmoid()(u), nn.functional.hardsigmoid(u))


@pytest.mark.slow
@pytest.mark.parametrize("name", each((*SMALL, "vit-b-16")))
def test_gradients_of_gradients_exist(name):
    """Of kinked networks they are zero, so only that they can be asked for is said."""
    x = rand(1, 3, 32, 32).requires_grad_()
    (slope,) = torch.autograd.grad(library_model(name).plain(x).amax(), x, create_graph=True)
    (again,) = torch.autograd.grad(slope.square().sum(), x)
    assert bool(again.isfinite().all())
