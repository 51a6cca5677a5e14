"""Layers with places and heads, found by structure in networks that name neither."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.errors import ConfigError
from core.models.head import head_of
from core.models.layers import default_layer, layer_named, layers, outputs_of, stage_layers
from core.saliency.catalogue import SALIENCY_METHODS
from core.saliency.grid import saliency_grid
from tests.helpers.library_networks import each, library_model
from tests.helpers.networks import Functional, linear, seeded
from tests.helpers.pictures import rand

SHAPE = (3, 32, 32)
DEFAULTS = {
    "mobilenet-v3": ("network.features", "map", (576, 2, 2)),
    "efficientnet": ("network.bn2", "map", (1280, 2, 2)),
    "convnext": ("network.norm_pre", "map", (320, 2, 2)),
    "vit": ("network.blocks.11.norm1", "tokens", (192, 4, 4)),
    "squeezenet": ("network.classifier.2", "map", (10, 3, 3)),
    "swin-tiny of timm": ("network.norm", "channels last", (768, 2, 2)),
    "swin": ("network.permute", "map", (768, 2, 2)),
    "vit-b-16": ("network.encoder.layers.encoder_layer_11.ln_1", "tokens", (768, 4, 4)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", each(DEFAULTS))
def test_the_default_layer_is_the_last_whose_places_bear_on_the_answer(name):
    model = library_model(name)
    layer = default_layer(model.fast, SHAPE)
    assert (layer.name, layer.layout, layer.shape) == DEFAULTS[name]
    logits, (output,) = outputs_of(model.fast, rand(2, *SHAPE).requires_grad_(), [layer])
    assert_close(logits, model.fast(rand(2, *SHAPE)))
    assert layer.as_map(output).shape == (2, *layer.shape)
    assert layer in layers(model.fast, SHAPE) and layer_named(model.fast, SHAPE, layer.name) == layer
    sides = [stage.shape[1] for stage in stage_layers(model.fast, SHAPE)]
    assert sides == sorted(sides, reverse=True) and stage_layers(model.fast, SHAPE)[-1] == layer and len(sides) >= 4


@pytest.mark.slow
def test_tokens_go_back_to_their_places_without_the_class_token():
    model = library_model("vit")
    layer = default_layer(model.plain, SHAPE)
    _, (tokens,) = outputs_of(model.plain, rand(1, *SHAPE), [layer])
    assert_close(layer.as_map(tokens)[0, :, 1, 2], tokens[0, 1 + 4 + 2])


def test_what_works_in_place_on_a_layers_output_does_not_change_what_is_kept():
    x, plain, in_place = rand(2, 3, 8, 8), seeded(Functional("module")), seeded(Functional("relu_"))
    layer = layer_named(plain, (3, 8, 8), "second")
    (kept,), (expected,) = (outputs_of(net, x, [layer])[1] for net in (in_place, plain))
    assert_close(kept, expected)
    assert bool((kept < 0).any())


def test_a_layer_that_is_called_again_is_listed_once_as_what_it_gave_last():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.second, self.relu = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, 2, 1), nn.ReLU()
            self.block = nn.Sequential(nn.Conv2d(4, 4, 1))
            self.head = nn.Linear(4, 3)

        def forward(self, x):
            h = self.block(self.block(self.relu(self.second(self.relu(self.stem(x))))))
            return self.head(h.mean((2, 3)))

    net, x = seeded(Twice()), rand(2, 3, 8, 8)
    assert [one.name for one in layers(net, (3, 8, 8))] == ["stem", "second", "relu", "block"]
    found = layer_named(net, (3, 8, 8), "relu")
    _, (output,) = outputs_of(net, x, [found])
    assert found.shape == output.shape[1:] == (4, 4, 4)
    logits, (last,) = outputs_of(net, x, [layer_named(net, (3, 8, 8), "block")])
    assert_close(net.head(last.mean((2, 3))), logits)


def test_a_layer_that_is_not_there_is_a_sentence():
    net = seeded(Functional("module"))
    for name in ("third", "head"):
        with pytest.raises(ConfigError, match=f"no layer {name} with places"):
            layer_named(net, (3, 8, 8), name)
    with pytest.raises(ConfigError, match="a layer with places"):
        default_layer(linear(entries=192), (3, 8, 8))


@pytest.mark.slow
@pytest.mark.parametrize("name", each(("mobilenet-v3", "efficientnet", "convnext", "vit")))
def test_logits_are_what_the_head_makes_of_the_features(name):
    model, x = library_model(name), rand(3, *SHAPE, seed=2)
    head = head_of(model.fast, SHAPE)
    assert type(head.linear) is nn.Linear
    with torch.no_grad():
        assert_close(head.linear(head.features(x)), model.fast(x))
    assert head.linear in set(model.fast.modules())


def test_a_network_that_ends_otherwise_is_a_sentence():
    with pytest.raises(ConfigError, match="ends in a linear layer on one vector of features; this one does not"):
        head_of(library_model("squeezenet").fast, SHAPE)


def test_methods_of_places_look_at_the_layer_that_is_asked_for_and_others_do_not_care():
    model, x = library_model("squeezenet"), rand(1, *SHAPE, seed=5)
    methods = [SALIENCY_METHODS["gradient"], SALIENCY_METHODS["grad-cam"]]
    (slope, usual), (same, earlier) = (
        [one.attributions for one in saliency_grid([model], x, [method.looking_at(layer) for method in methods])]
        for layer in ("", "network.features.7")  # cheap methods come first
    )
    assert (same == slope).all() != (earlier == usual).all()
    (nowhere,) = saliency_grid([model], x, [methods[1].looking_at("network.nowhere")])
    assert nowhere.problem == "the network has no layer network.nowhere with places to look at"
