"""Confounding labels and the losses that hold the logits against them."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.testing import assert_close

from core.anomaly.confounding import HEADS, LABELS, ConfoundingLabel
from core.errors import ConfigError
from tests.helpers.pictures import rand


@pytest.mark.parametrize("label", LABELS)
def test_the_sigmoid_head_is_binary_cross_entropy_on_logits(label):
    logits, probe = 8 * rand(6, 10) - 4, ConfoundingLabel(label, m=3)
    y = probe.confounding(logits)
    expected = binary_cross_entropy_with_logits(logits, y, reduction="none").sum(1)
    assert_close(probe.loss(logits), expected.double(), rtol=1e-5, atol=1e-5)
    z = logits.clone().requires_grad_()
    (slope,) = torch.autograd.grad(probe.loss(z).sum(), z)
    assert_close(slope, logits.sigmoid() - y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("label", LABELS)
def test_the_softmax_head_is_binary_cross_entropy_on_probabilities(label):
    logits, probe = 8 * rand(6, 10) - 4, ConfoundingLabel(label, "softmax", m=3)
    p, y = logits.double().softmax(1), probe.confounding(logits).double()
    assert_close(probe.loss(logits), -(y * p.log() + (1 - y) * (1 - p).log()).sum(1))


def test_the_softmax_head_pulls_by_kp_minus_one_and_ignores_the_level_of_the_logits_the_sigmoid_does_not():
    z = (8 * rand(6, 10) - 4).requires_grad_()
    for head in ("softmax", "cross-entropy"):
        (slope,) = torch.autograd.grad(ConfoundingLabel(head=head).loss(z).sum(), z)
        assert_close(slope, 10 * z.detach().softmax(1) - 1, rtol=1e-5, atol=1e-5)
        assert_close(ConfoundingLabel(head=head).loss(z), ConfoundingLabel(head=head).loss(z + 3), rtol=1e-5, atol=1e-4)
    assert not torch.allclose(ConfoundingLabel().loss(z), ConfoundingLabel().loss(z + 3), rtol=0.1)


def test_losses_stay_finite_where_the_network_is_sure():
    logits = torch.tensor([[500.0, -500.0, 0.0], [-1e4, 0.0, 1e4]])
    pairs = [(label, head) for label in LABELS for head in HEADS if (label, head) != ("zeros", "cross-entropy")]
    for probe in (ConfoundingLabel(*pair) for pair in pairs):
        z = logits.clone().requires_grad_()
        loss = probe.loss(z) if probe.m <= 3 else None
        (slope,) = torch.autograd.grad(loss.sum(), z)
        assert loss.isfinite().all() and slope.isfinite().all(), probe


def test_labels_are_what_they_are_called():
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0], [5.0, 1.0, 2.0, 0.0]])

    def label(name, **more):
        return ConfoundingLabel(name, **more).confounding(logits).tolist()

    assert label("ones") == [[1] * 4] * 2 and label("zeros") == [[0] * 4] * 2
    assert label("predicted") == [[0, 1, 0, 0], [1, 0, 0, 0]]
    assert label("others") == [[1, 0, 1, 1], [0, 1, 1, 1]]
    assert label("top-m", m=2) == [[0, 1, 0, 1], [1, 0, 1, 0]]
    drawn = [label("m-hot", m=2, seed=seed) for seed in range(8)]
    assert all(one[0] == one[1] and sum(one[0]) == 2 for one in drawn)
    assert drawn[3] == label("m-hot", m=2, seed=3) and len({tuple(one[0]) for one in drawn}) > 1


@pytest.mark.parametrize(
    "settings",
    [{"label": "all"}, {"head": "tanh"}, {"m": 0}, {"label": "zeros", "head": "cross-entropy"}],
)
def test_impossible_probes_are_refused(settings):
    with pytest.raises(ConfigError):
        ConfoundingLabel(**settings)


def test_more_classes_than_there_are_is_refused():
    with pytest.raises(ConfigError, match="at most"):
        ConfoundingLabel("top-m", m=11).confounding(rand(2, 10))
