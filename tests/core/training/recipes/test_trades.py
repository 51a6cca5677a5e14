"""TRADES on linear networks, and its inner ascent."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.kl_ascent import KlAscent
from core.errors import ConfigError
from core.training.recipes.trades import Trades, trades_loss


def divergence(p_logits, q_logits):
    """KL(p || q) by its definition, averaged over the batch."""
    p, q = p_logits.softmax(1), q_logits.softmax(1)
    return (p * (p / q).log()).sum(1).mean()


def test_the_loss_is_cross_entropy_plus_the_divergence_from_clean_to_attacked(linear, batch):
    x_adv = (batch.x + 0.1).clamp(0, 1)
    expected = cross_entropy(linear(batch.x), batch.labels) + 3 * divergence(linear(batch.x), linear(x_adv))
    assert_close(trades_loss(linear, batch.x, x_adv, batch.labels, 3.0), expected)
    assert not torch.isclose(divergence(linear(batch.x), linear(x_adv)), divergence(linear(x_adv), linear(batch.x)))


def test_both_arguments_of_the_divergence_carry_gradients(linear, batch):
    x_adv = (batch.x + 0.1).clamp(0, 1)
    total = cross_entropy(linear(batch.x), batch.labels) + 3 * divergence(linear(batch.x), linear(x_adv))
    (expected,) = torch.autograd.grad(total, linear.weight)
    (found,) = torch.autograd.grad(trades_loss(linear, batch.x, x_adv, batch.labels, 3.0), linear.weight)
    assert_close(found, expected)


def test_the_recipe_uses_the_attacked_images(linear, batch):
    attack = KlAscent(0.1)
    state = batch.generator.get_state()
    x_adv = attack(linear, batch.x, batch.generator)
    batch.generator.set_state(state)
    expected = trades_loss(linear, batch.x, x_adv, batch.labels, 6.0)
    found = Trades(attack).loss(linear, batch)
    assert_close(found, expected)
    assert found > cross_entropy(linear(batch.x), batch.labels) + 0.01


@pytest.mark.parametrize("recipe", [Trades(KlAscent(0.1), beta=0.0), Trades(KlAscent(0.0))], ids=["beta", "epsilon"])
def test_without_weight_or_ball_it_is_cross_entropy(linear, batch, recipe):
    assert_close(recipe.loss(linear, batch), cross_entropy(linear(batch.x), batch.labels))


def test_duplicating_the_batch_changes_nothing(linear, batch):
    twice = replace(batch, x=batch.x.repeat(2, 1, 1, 1), labels=batch.labels.repeat(2))
    first, second = (trades_loss(linear, b.x, (b.x + 0.1).clamp(0, 1), b.labels, 6.0) for b in (batch, twice))
    assert_close(first, second)


def test_ascent_finds_more_divergence_than_chance_and_stays_in_the_ball(linear, batch):
    for norm in ("linf", "l2"):
        x_adv = KlAscent(0.1, norm)(linear, batch.x, batch.generator)
        delta = (x_adv - batch.x).flatten(1)
        size = delta.abs().amax(1) if norm == "linf" else delta.norm(dim=1)
        assert bool((size <= 0.1 + 1e-6).all())
        if norm == "linf":
            chance = [
                divergence(
                    linear(batch.x),
                    linear(batch.x + 0.1 * torch.randn(batch.x.shape, generator=batch.generator).sign()),
                )
                for _ in range(20)
            ]
            assert divergence(linear(batch.x), linear(x_adv)) > max(chance) - 1e-6


def test_ascent_of_two_classes_is_the_worst_corner():
    """With two classes the divergence grows with the margin's change either way, so x +- eps sign(w1 - w0)."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    nn.init.normal_(net[1].weight, generator=torch.Generator().manual_seed(0))
    x = torch.full((3, 1, 2, 2), 0.5)
    found = KlAscent(0.05)(net, x, torch.Generator().manual_seed(1)) - x
    corner = 0.05 * (net[1].weight[1] - net[1].weight[0]).sign().view(1, 2, 2)
    for delta in found:
        assert torch.allclose(delta, corner, atol=1e-6) or torch.allclose(delta, -corner, atol=1e-6)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Trades(KlAscent(0.1), beta=-1.0),
        lambda: KlAscent(-0.1),
        lambda: KlAscent(0.1, steps=0),
        lambda: KlAscent(0.1, step_size=0.0),
        lambda: KlAscent(0.1, "l1"),
    ],
)
def test_impossible_settings_are_refused(build):
    with pytest.raises(ConfigError):
        build()
