"""The searches of the ARA: exact on linear networks, and the reference's figures in a share of its steps."""

import math

import pytest
import torch
from torch import nn

from core.attacks.scheduled import ARA_ATTACK, ScheduledAttack
from core.attacks.smallest import SmallestChange
from core.errors import ConfigError
from core.metrics.ara import ara
from core.norms import rmse

SHAPE = (3, 4, 4)
D = 48


def linear(classes, seed=0):
    """A linear network, and images in the middle of the range, all at some distance from any boundary."""
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(D, classes))
    nn.init.normal_(net[1].weight, generator=generator)
    net.requires_grad_(False)
    net[1].bias.zero_().sub_(net(torch.full((1, *SHAPE), 0.5))[0])
    x = torch.rand(40, *SHAPE, generator=generator) * 0.4 + 0.3
    return net, x, net(x).argmax(1)


def boundary(net, x):
    """The exact RMSE from each image to the nearest class boundary of a linear network."""
    logits, weight = net(x), net[1].weight
    top = logits.argmax(1)
    gap = logits.gather(1, top[:, None]) - logits
    width = (weight[top][:, None] - weight).norm(dim=2) * math.sqrt(D)
    return torch.where(width > 0, gap / width, torch.inf).amin(1)


@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize("goal", ["smallest", "better-than-random"])
def test_finer_steps_find_the_boundary_of_a_linear_network_to_one_per_cent(goal, clamp):
    """With two classes, no better than random is where both logits are equal as well; no pixel reaches 0 or 1."""
    net, x, labels = linear(2)
    found = SmallestChange(goal, 10, 50, 100, clamp)(net, x, labels)
    expected = boundary(net, x)
    assert bool(found.reached.all()) and expected.min() < 0.01 and expected.max() > 0.04
    assert bool((found.distance >= expected * (1 - 1e-4)).all()) and bool((found.distance <= expected * 1.01).all())


def test_among_many_classes_it_finds_the_nearest_where_the_reference_does_not():
    """Cross-entropy pulls towards all other classes at once, and so misses the nearest where several are likely."""
    net, x, labels = linear(10)
    fine, reference = (attack(net, x, labels) for attack in (SmallestChange("smallest", 10, 50, 100), ARA_ATTACK))
    ratio = fine.distance / boundary(net, x)
    assert float(ratio.median()) <= 1.01 and float(ratio.max()) <= 1.05 and float(ratio.min()) >= 1 - 1e-4
    assert float((reference.distance / boundary(net, x)).median()) > 1.1


def test_all_steps_are_the_reference_itself():
    """Bit by bit, where no image is wrong from the start."""
    net, x, labels = linear(5)
    found, reference = (
        attack(net, x[:8], labels[:8]) for attack in (SmallestChange(opening=200, steps=250), ARA_ATTACK)
    )
    assert torch.equal(found.delta, reference.delta) and torch.equal(found.first, reference.first)


def test_the_middle_is_left_out_and_the_rest_keeps_its_lengths():
    """Where it follows all the time, a linear network's change is as long as its steps; without momentum, exactly."""
    net, x, _ = linear(2)
    net[1].bias[0] += 8.0  # out of reach
    attack = SmallestChange(opening=3, steps=2).coarse
    found = ScheduledAttack(0.45, steps=450, skip=attack.skip)(net, x, torch.zeros(40, dtype=torch.int64)).delta
    expected = 0.45 * (450 + 449 + 448 + 2 + 1) / (450 * 451 / 2)
    assert torch.allclose(rmse(found), torch.full((40,), expected), rtol=1e-4)
    assert (attack.epsilon, attack.steps, attack.momentum, attack.clamp) == (20, 450, 0.9, False)


@pytest.mark.parametrize("goal", ["smallest", "better-than-random"])
def test_finer_steps_never_lengthen_a_change_and_each_still_meets_the_goal(goal):
    net, x, labels = linear(10)
    coarse, fine = (SmallestChange(goal, 10, 30, finer, clamp=True) for finer in (0, 40))
    before, after = coarse(net, x, labels), fine(net, x, labels)
    assert bool((after.distance <= before.distance).all()) and bool((after.distance < before.distance).any())
    assert bool(fine.met(net(x + after.delta), labels).all())
    assert torch.equal(after.first, before.first)


def test_an_image_that_meets_the_goal_costs_nothing_and_an_image_never_broken_is_censored():
    net, x, labels = linear(3)
    wrong = (labels + 1) % 3
    asked = []
    net.register_forward_hook(lambda module, inputs, output: asked.append(len(output)))
    found = SmallestChange(opening=10, steps=40, finer=3)(net, x, torch.where(torch.arange(40) % 4 == 0, labels, wrong))
    assert asked == [40] + [10] * len(asked[1:]) and len(asked) == 1 + 51 + 4
    assert bool((found.distance[torch.arange(40) % 4 > 0] == 0).all())
    censored = SmallestChange(opening=0, steps=1)(net, x, labels)
    far = boundary(net, x) > 0.01  # the last step alone is 0.0002 long
    assert bool(far.any()) and bool((censored.first[far] == -1).all()) and bool(censored.distance[far].isinf().all())


def test_clamped_images_stay_in_the_range():
    net, x, _ = linear(2)
    x = x.round()
    found = SmallestChange("smallest", 10, 50, 20, clamp=True)(net, x, net(x).argmax(1))
    assert (x + found.delta).min() >= 0 and (x + found.delta).max() <= 1 and bool(found.reached.any())


@pytest.mark.parametrize(
    "settings", [{"goal": "bounded"}, {"steps": 0}, {"steps": 411}, {"finer": -1}, {"opening": -1}], ids=str
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        SmallestChange(**settings)


def test_an_empty_batch_has_no_changes():
    net, x, labels = linear(2)
    assert len(SmallestChange()(net, x[:0], labels[:0]).distance) == 0


@pytest.mark.slow
@pytest.mark.parametrize("goal", ["smallest", "better-than-random"])
def test_the_area_is_the_references_to_one_per_cent(goal):
    """On a network that is not linear; a figure over images, as single ones swing."""
    generator = torch.Generator().manual_seed(3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(D, 32), nn.ReLU(), nn.Linear(32, 5))
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    net.requires_grad_(False)
    x = torch.rand(200, *SHAPE, generator=generator)
    labels = net(x).argmax(1)
    short = SmallestChange(goal)(net, x, labels).distance
    whole = ScheduledAttack(20.0, goal, steps=450, momentum=0.9)(net, x, labels).distance
    assert not torch.equal(short, whole)
    assert abs(ara(short, 5).value / ara(whole, 5).value - 1) <= 0.01
    assert float((short / whole).median()) == pytest.approx(1, abs=0.01)
