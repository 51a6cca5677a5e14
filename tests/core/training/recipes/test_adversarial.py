"""Adversarial training: the loss is that of the attacked images, and of nothing else."""

import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.pgd import Pgd
from core.training.recipes.adversarial import AdversarialTraining


def test_the_loss_is_cross_entropy_on_the_attacked_images(linear, batch):
    attack = Pgd(0.1, "linf", 3)
    state = batch.generator.get_state()
    x_adv = attack(linear, batch.x, batch.labels, batch.generator)
    batch.generator.set_state(state)
    found = AdversarialTraining(attack).loss(linear, batch)
    assert_close(found, cross_entropy(linear(x_adv), batch.labels))
    assert found > cross_entropy(linear(batch.x), batch.labels) + 0.01


def test_without_a_ball_it_is_cross_entropy(linear, batch):
    loss = AdversarialTraining(Pgd(0.0)).loss(linear, batch)
    assert torch.equal(loss, cross_entropy(linear(batch.x), batch.labels))
