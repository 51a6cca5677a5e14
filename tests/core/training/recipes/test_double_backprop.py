"""Double backpropagation: the penalty is the squared input gradient of the cross-entropy, per example, averaged."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot
from torch.testing import assert_close

from core.attacks.fgsm import Fgsm
from core.errors import ConfigError
from core.training.recipes.adversarial import SingleStepTraining
from core.training.recipes.adversarial_double_backprop import AdversarialDoubleBackprop
from core.training.recipes.double_backprop import DoubleBackprop


def test_linear_model_gives_the_closed_form(linear, batch):
    """The input gradient of cross-entropy is W^T (p - y)."""
    logits = linear(batch.x)
    gradient = (logits.softmax(1) - one_hot(batch.labels, 3)) @ linear.weight
    expected = cross_entropy(logits, batch.labels) + 2.5 * gradient.square().sum(1).mean()
    assert_close(DoubleBackprop(2.5).loss(linear, batch), expected)


def test_weight_zero_is_cross_entropy(linear, batch):
    assert_close(DoubleBackprop(0.0).loss(linear, batch), cross_entropy(linear(batch.x), batch.labels), rtol=0, atol=0)


def test_duplicating_the_batch_changes_nothing(linear, batch):
    twice = replace(batch, x=batch.x.repeat(2, 1, 1, 1), labels=batch.labels.repeat(2))
    assert_close(DoubleBackprop(2.5).loss(linear, twice), DoubleBackprop(2.5).loss(linear, batch))


def test_the_penalty_is_differentiated_too(smooth, batch, weight_gradcheck):
    double = replace(batch, x=batch.x.double())
    assert weight_gradcheck(smooth, lambda: DoubleBackprop(2.5).loss(smooth, double))


def test_it_stays_in_float32_under_autocast(linear, batch):
    with torch.autocast("cpu", torch.bfloat16):
        loss = DoubleBackprop(2.5).loss(linear, batch)
    assert_close(loss, DoubleBackprop(2.5).loss(linear, batch), rtol=0, atol=0)


def test_with_adversarial_training_it_is_the_mean_of_both_with_the_penalty_on_clean_images(linear, batch):
    adversarial = SingleStepTraining(Fgsm(0.1))
    both = AdversarialDoubleBackprop(DoubleBackprop(2.5), adversarial).loss(linear, batch)
    attacked = 2 * adversarial.loss(linear, batch) - cross_entropy(linear(batch.x), batch.labels)
    assert_close(both, (DoubleBackprop(2.5).loss(linear, batch) + attacked) / 2)
    assert DoubleBackprop(2.5).loss(linear, batch) > cross_entropy(linear(batch.x), batch.labels) + 0.1


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_impossible_weights_are_refused(weight):
    with pytest.raises(ConfigError, match="weight"):
        DoubleBackprop(weight)
