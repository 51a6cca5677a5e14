"""Certainty insensitivity: the penalty of double backpropagation with the uniform label."""

from dataclasses import replace

from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.training.recipes.insensitive import Insensitive


def test_linear_model_gives_the_closed_form(linear, batch):
    """The input gradient of mean_k log p_k is W^T (1/K - p)."""
    logits = linear(batch.x)
    gradient = (1 / 3 - logits.softmax(1)) @ linear.weight
    expected = cross_entropy(logits, batch.labels) + 2.5 * gradient.square().sum(1).mean()
    assert_close(Insensitive(2.5).loss(linear, batch), expected)


def test_the_penalty_needs_no_labels(linear, batch):
    other = replace(batch, labels=(batch.labels + 1) % 3)
    penalties = [Insensitive(2.5).loss(linear, b) - cross_entropy(linear(b.x), b.labels) for b in (batch, other)]
    assert_close(penalties[0], penalties[1])
