"""Adversarial training at all radii: every image has its own, and together they fill the range as the recipe says."""

import dataclasses

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.norms import norm_of
from core.training.recipes.random_radius import RandomRadius


def test_the_loss_is_that_of_the_images_at_the_drawn_shares(linear, batch):
    attack = Pgd(0.3, "l2", 3)
    state = batch.generator.get_state()
    shares = torch.rand(len(batch.x), generator=batch.generator)
    x_adv = attack(linear, batch.x, batch.labels, batch.generator, shares)
    batch.generator.set_state(state)
    found = RandomRadius(attack).loss(linear, batch)
    assert_close(found, cross_entropy(linear(x_adv), batch.labels))
    assert found > cross_entropy(linear(batch.x), batch.labels) + 1e-3


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_shares_of_the_radius_to_one_over_the_power_fill_the_range_evenly(linear, batch, power):
    """On a linear network one step of the radius's length reaches it, so lengths over the largest are the shares."""
    x = torch.full((500, *batch.x.shape[1:]), 0.5)
    labels = batch.labels[:1].expand(500)
    many = dataclasses.replace(batch, x=x, labels=labels)
    lengths = []

    class Seen(Pgd):
        """PGD that notes how far it went."""

        def __call__(self, *arguments):
            x_adv = Pgd.__call__(self, *arguments)
            lengths.append(norm_of(x_adv - x, "l2"))
            return x_adv

    RandomRadius(Seen(0.2, "l2", 1, 0.2, random_start=False), power=power).loss(linear, many)
    shares = (lengths[0] / 0.2).sort().values ** (1 / power)
    assert (shares - torch.linspace(0, 1, 500)).abs().max() < 0.08  # Kolmogorov-Smirnov, p below 0.005


def test_it_says_how_its_radii_are_drawn():
    assert "r uniform in [0, 2] in l2," in RandomRadius(Pgd(2.0, "l2")).describe()
    assert "r in [0, 2] in l2, density rising as r^1," in RandomRadius(Pgd(2.0, "l2"), power=0.5).describe()


def test_what_is_kept_of_the_network_before_is_said_and_needs_one():
    assert (
        RandomRadius(Pgd(2.0, "l2"), "pgd-l2", kept=0.25)
        .describe()
        .endswith("goes on from pgd-l2, which keeps a share of 0.25 of the weights")
    )
    for wrong in ({"kept": 0.25}, {"kept": 1.0, "start": "pgd-l2"}, {"power": 0.0}):
        with pytest.raises(ConfigError):
            RandomRadius(Pgd(2.0, "l2"), **wrong)


def test_without_a_ball_it_is_cross_entropy(linear, batch):
    recipe = RandomRadius(Pgd(0.0))
    loss = recipe.loss(linear, batch)
    assert "uniform in [0, 0]" in recipe.describe()
    assert torch.equal(loss, cross_entropy(linear(batch.x), batch.labels))


def test_the_attack_steps_in_the_precision_of_the_plan(linear, batch):
    """Under autocast its gradients come in bfloat16: the images are others, by less than a tenth of the change."""
    found = []

    class Seen(Pgd):
        """PGD that notes what it made."""

        def __call__(self, *arguments):
            found.append(Pgd.__call__(self, *arguments))
            return found[-1]

    recipe = RandomRadius(Seen(0.3, "l2", 2, 0.2, random_start=False))
    state = batch.generator.get_state()
    for low in (False, True):
        batch.generator.set_state(state)
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            recipe.loss(linear, batch)
    plain, low = found
    assert low.dtype == torch.float32 and not torch.equal(plain, low)
    assert norm_of(low - plain, "l2").max() < 0.1 * norm_of(plain - batch.x, "l2").max()
