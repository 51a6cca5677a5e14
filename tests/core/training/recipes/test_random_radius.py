"""Adversarial training at all radii: every image has its own, and together they fill the range evenly."""

import dataclasses

import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.pgd import Pgd
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


def test_radii_fill_the_range_evenly(linear, batch):
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

    RandomRadius(Seen(0.2, "l2", 1, 0.2, random_start=False)).loss(linear, many)
    shares = (lengths[0] / 0.2).sort().values
    assert (shares - torch.linspace(0, 1, 500)).abs().max() < 0.08  # Kolmogorov-Smirnov, p below 0.005


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
