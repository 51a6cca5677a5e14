"""What holds of every penalty on an input gradient, whatever it is the gradient of."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.errors import ConfigError
from core.training.recipes.double_backprop import DoubleBackprop
from core.training.recipes.insensitive import Insensitive

pytestmark = pytest.mark.parametrize("penalty", [DoubleBackprop, Insensitive])


def test_weight_zero_is_cross_entropy(penalty, linear, batch):
    assert_close(penalty(0.0).loss(linear, batch), cross_entropy(linear(batch.x), batch.labels), rtol=0, atol=0)


def test_duplicating_the_batch_changes_nothing(penalty, linear, batch):
    twice = replace(batch, x=batch.x.repeat(2, 1, 1, 1), labels=batch.labels.repeat(2))
    assert_close(penalty(2.5).loss(linear, twice), penalty(2.5).loss(linear, batch))


def test_the_penalty_is_differentiated_too(penalty, smooth, batch, weight_gradcheck):
    double = replace(batch, x=batch.x.double())
    assert weight_gradcheck(smooth, lambda: penalty(2.5).loss(smooth, double))


def test_it_stays_in_float32_under_autocast(penalty, linear, batch):
    with torch.autocast("cpu", torch.bfloat16):
        loss = penalty(2.5).loss(linear, batch)
    assert_close(loss, penalty(2.5).loss(linear, batch), rtol=0, atol=0)


@pytest.mark.parametrize("weight", [-1.0, float("inf"), float("nan")])
def test_a_weight_that_would_reward_large_gradients_is_refused(penalty, weight):
    with pytest.raises(ConfigError, match="weight"):
        penalty(weight)
