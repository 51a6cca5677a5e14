"""Statistics of inner layers: against images passed one by one, and which layers they are of."""

import numpy as np
import torch
from torch import nn

from core.anomaly.layers import InnerLayers, inner_layers, layer_statistics
from core.models.resnet import PreActResNet, ResNetConfig


def net():
    return PreActResNet(ResNetConfig(3, widths=(4, 8, 6), blocks=(1, 1, 1)), torch.Generator().manual_seed(0)).eval()


def test_each_stage_of_a_residual_network_is_seen_where_it_ends():
    found = inner_layers(net(), (3, 16, 16))
    assert found == InnerLayers(("stages.1.0.conv1", "stages.2.0.conv1", "stages.2.0.conv2"), 4 + 8 + 6)
    assert found.width == 36


def read_by(model, name, image):
    """What a layer reads of one image, (C, h, w)."""
    seen = []
    handle = model.get_submodule(name).register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][0]))
    with torch.no_grad():
        model(image[None])
    handle.remove()
    return seen[0]


def test_the_statistics_are_those_of_one_image_after_the_other():
    model, x = net(), torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    found = layer_statistics(model, x, chunk=2).numpy()
    assert not any(module._forward_pre_hooks for module in model.modules())
    for row, image in zip(found, x, strict=True):
        read = [read_by(model, name, image) for name in inner_layers(model, (3, 16, 16)).names]
        channels = [channel.flatten().double().numpy() for h in read for channel in h]
        expected = [c.sum() / c.size for c in channels] + [((c - c.mean()) ** 2).mean() ** 0.5 for c in channels]
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-6)


def test_a_constant_image_fills_the_channels_that_it_is_read_from_evenly():
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten(), nn.Linear(48, 4))
    x = torch.tensor([0.25, 0.75])[None, :, None, None].expand(1, 2, 4, 4)
    np.testing.assert_allclose(layer_statistics(model, x), [[0.25, 0.75, 0.0, 0.0]], atol=1e-7)


def test_without_convolutions_there_are_none():
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))
    assert layer_statistics(model, torch.rand(2, 3, 4, 4)).shape == (2, 0)
    assert inner_layers(model, (3, 4, 4)).width == 0
