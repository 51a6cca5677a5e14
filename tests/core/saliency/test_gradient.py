"""The input gradient on a linear network is its weights."""

import torch
from torch import nn
from torch.testing import assert_close

from core.saliency.gradient import gradient


def test_gradient_of_a_linear_network_is_the_weight_row():
    linear = nn.Linear(12, 3)
    model = nn.Sequential(nn.Flatten(), linear)
    x = torch.rand(4, 3, 2, 2)
    target = torch.tensor([0, 2, 1, 2])
    attributions, logits = gradient(model, x, target)
    assert_close(attributions, linear.weight.detach()[target].view(4, 3, 2, 2))
    assert_close(logits, model(x).detach())
    assert linear.weight.grad is None and not x.requires_grad


def test_a_negative_target_means_the_prediction():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    x = torch.rand(5, 3, 2, 2)
    explained, logits = gradient(model, x, torch.full((5,), -1))
    assert_close(explained, gradient(model, x, logits.argmax(1))[0])
