"""Small pictures, and a residual network in its fast form."""

import pytest
import torch

from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from tests.helpers.attribution import generator
from tests.helpers.networks import seeded


@pytest.fixture
def x():
    return torch.rand(4, 3, 8, 8, generator=generator())


@pytest.fixture(params=["relu", "hhrelu"])
def resnet(request):
    return fast_form(seeded(PreActResNet(ResNetConfig(widths=(4, 8), blocks=(1, 1), activation=request.param))))


@pytest.fixture
def target(resnet, x):
    return resnet(x).argmax(1)
