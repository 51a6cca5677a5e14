"""Every recipe's loss is the same where network and batch are on another device."""

import copy
from contextlib import nullcontext

import pytest
import torch
from torch.testing import assert_close

from core.data.tasks import CIFAR10
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from core.training.augment import Augmentation
from core.training.recipes.base import Batch
from core.training.recipes.registry import RECIPES
from tests.helpers.attribution import generator
from tests.helpers.networks import seeded
from tests.helpers.other_device import OTHER, other_device
from tests.helpers.pictures import rand

CONFIG = ResNetConfig(widths=(4, 8), blocks=(1, 1))


def loss_of(key: str, device: torch.device) -> torch.Tensor:
    """The loss of one batch of pictures that were moved about, which is drawn from the same seed."""
    recipe, draws = RECIPES[key].build(CIFAR10), generator(3)
    model = seeded(PreActResNet(CONFIG)).train().to(device)
    maps = (2 * (rand(2, 1, 8, 8, seed=1) > 0.5).float() - 1).to(device)
    x, moved = Augmentation().with_maps(rand(2, 3, 8, 8).to(device), maps, draws)
    teacher = copy.deepcopy(fast_form(seeded(PreActResNet(CONFIG), 8))).to(device)
    labels = torch.tensor([1, 3], device=device)
    loss = recipe.loss(model, Batch(x, labels, draws, 1, moved, teacher))
    grads = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    assert all(each is None or each.device == device for each in grads)
    return loss.detach().cpu()


@pytest.mark.parametrize("key", RECIPES)
def test_recipes(key, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *kind, **how: nullcontext())  # knows no device that is emulated
    expected = loss_of(key, torch.device("cpu"))
    with other_device():
        found = loss_of(key, OTHER)
    assert_close(found, expected, rtol=1e-3, atol=1e-4)
