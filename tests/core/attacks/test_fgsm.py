"""FGSM and TGSM on a linear model, where the direction is known."""

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot
from torch.testing import assert_close

from core.attacks.fgsm import Fgsm
from core.errors import ConfigError


@pytest.fixture
def model():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3, bias=False))
    nn.init.normal_(net[1].weight, generator=torch.Generator().manual_seed(0))
    return net


@pytest.fixture
def x():
    return 0.3 + 0.4 * torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(1))


def test_the_step_is_the_sign_of_the_loss_gradient(model, x):
    labels = torch.tensor([0, 1, 2, 1, 0])
    gradient = (model(x).softmax(1) - one_hot(labels, 3)) @ model[1].weight
    assert_close(Fgsm(0.1)(model, x, labels), x + 0.1 * gradient.sign().view_as(x))


def test_without_labels_it_leaves_the_prediction(model, x):
    assert_close(Fgsm(0.1)(model, x), Fgsm(0.1)(model, x, model(x).argmax(1)), rtol=0, atol=0)


def test_targeted_raises_the_probability_of_every_target(model, x):
    for target in range(3):
        labels = torch.full((5,), target)
        after = model(Fgsm(0.05, targeted=True)(model, x, labels)).softmax(1)[:, target]
        assert bool((after > model(x).softmax(1)[:, target]).all())


def test_zero_epsilon_is_the_identity_and_the_result_is_an_image(model, x):
    assert torch.equal(Fgsm(0.0)(model, x), x)
    far = Fgsm(0.9)(model, x)
    assert far.min() == 0.0 and far.max() == 1.0


def test_negative_epsilon_is_refused():
    with pytest.raises(ConfigError, match="epsilon"):
        Fgsm(-0.1)
