"""Single-step adversarial training as in Ross and Doshi-Velez."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot
from torch.testing import assert_close

from core.attacks.fgsm import Fgsm
from core.errors import ConfigError
from core.training.recipes.adversarial import SingleStepTraining


def test_linear_model_gives_the_closed_form(linear, batch):
    """Half on clean images, half on those moved by epsilon along the sign of W^T (p - own prediction)."""
    logits = linear(batch.x)
    guess = one_hot(logits.argmax(1), 3)
    x_adv = batch.x + 0.1 * ((logits.softmax(1) - guess) @ linear.weight).sign().view_as(batch.x)
    expected = (cross_entropy(logits, batch.labels) + cross_entropy(linear(x_adv), batch.labels)) / 2
    assert_close(SingleStepTraining(Fgsm(0.1)).loss(linear, batch), expected)


def test_the_step_does_not_know_the_labels(linear, batch):
    """On a two-class network with a wrong label the step away from the prediction lowers the loss of the label."""
    with torch.no_grad():
        linear.weight[2] = -20.0  # never predicted
    wrong = replace(batch, labels=linear(batch.x)[:, :2].argmin(1))
    loss = SingleStepTraining(Fgsm(0.1)).loss(linear, wrong)
    assert loss < cross_entropy(linear(wrong.x), wrong.labels)


def test_epsilon_zero_is_cross_entropy(linear, batch):
    assert_close(SingleStepTraining(Fgsm(0.0)).loss(linear, batch), cross_entropy(linear(batch.x), batch.labels))


def test_no_gradient_flows_through_the_step(linear, batch):
    """The weight gradient is that of the loss with the attacked images held fixed."""
    x_adv = Fgsm(0.1)(linear, batch.x)
    fixed = (cross_entropy(linear(batch.x), batch.labels) + cross_entropy(linear(x_adv), batch.labels)) / 2
    (expected,) = torch.autograd.grad(fixed, linear.weight)
    (found,) = torch.autograd.grad(SingleStepTraining(Fgsm(0.1)).loss(linear, batch), linear.weight)
    assert_close(found, expected)


def test_a_targeted_attack_is_refused():
    with pytest.raises(ConfigError, match="targeted"):
        SingleStepTraining(Fgsm(0.1, targeted=True))
