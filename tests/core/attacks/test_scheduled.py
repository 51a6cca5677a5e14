"""The scheduled attack on linear models, where distances are known, and against the sheet's loop written slowly."""

import dataclasses
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.scheduled import (
    ARA_ATTACK,
    L2_MIN_TRAINING,
    L2_TRAINING,
    ScheduledAttack,
    explanation,
)
from core.errors import ConfigError
from core.models.written_steps import FEWEST
from core.norms import rmse

SHAPE = (3, 4, 4)
D = 48


@pytest.fixture
def two_class():
    """Two classes, the first predicted for every image below, at various margins."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(D, 2))
    generator = torch.Generator().manual_seed(0)
    nn.init.normal_(net[1].weight, generator=generator)
    with torch.no_grad():
        net[1].bias.copy_(torch.tensor([25.0, 0.0]))
    return net.requires_grad_(False)


@pytest.fixture
def x():
    return torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(1))


def boundary(net, x):
    """The RMSE from each image to where both logits are equal."""
    weight = net[1].weight[1] - net[1].weight[0]
    logits = net(x)
    return (logits[:, 0] - logits[:, 1]) / (weight.norm() * math.sqrt(D))


@pytest.mark.parametrize("rule", ["smallest", "better-than-random"])
def test_the_smallest_change_approaches_the_boundary_from_above(two_class, x, rule):
    """With two classes, no better than random is where both logits are equal as well."""
    attack = dataclasses.replace(ARA_ATTACK, rule=rule)
    labels = torch.zeros(6, dtype=torch.int64)
    expected = boundary(two_class, x)
    assert bool((expected > 0.1).all())
    found = attack(two_class, x, labels)
    assert bool(found.reached.all()) and bool((found.first <= attack.steps // 2).all())
    assert bool((found.distance >= expected - 1e-6).all())
    assert_close(found.distance, expected, rtol=0.02, atol=2e-3)
    assert bool((two_class(x + found.delta * 1.0001).argmax(1) == 1).all())


def slow(attack, net, x, label):
    """Section 3.4 of the method sheet for one image, step by step."""
    delta, mom, best, smallest = torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(x), math.inf

    def rms(d):
        return d.square().mean().sqrt().item()

    def goal():
        logits = net((x + delta)[None])[0]
        if attack.rule == "bounded":
            return rms(delta) >= attack.epsilon
        if attack.rule == "smallest":
            return (logits.argmax().item() != label) != attack.encourage
        return (logits.softmax(0)[label].item() <= 1 / len(logits)) != attack.encourage

    size, steps = attack.epsilon * attack.overshoot, attack.steps
    for s in range(steps):
        leaf = (x + delta).requires_grad_()
        (grad,) = torch.autograd.grad(cross_entropy(net(leaf[None]), torch.tensor([label])), leaf)
        grad = -grad if attack.encourage else grad
        met = goal()
        if met and rms(delta) < smallest:
            best, smallest = delta, rms(delta)
        direction = -delta if met else grad
        direction = direction / rms(direction) if rms(direction) > 0 else direction
        if attack.momentum > 0:
            mom = attack.momentum * mom + (1 - attack.momentum) * direction
            direction = mom
        delta = delta + size * (steps - s) / (steps * (steps + 1) / 2) * direction
    if goal() and rms(delta) < smallest:
        best = delta
    return delta if attack.rule == "bounded" else best


@pytest.mark.parametrize(
    "attack",
    [
        ScheduledAttack(0.2),
        ScheduledAttack(0.2, overshoot=5.0, encourage=True),
        ScheduledAttack(1.0, "smallest", steps=9),
        ScheduledAttack(1.0, "better-than-random", steps=9, momentum=0.5),
        ScheduledAttack(1.0, "smallest", steps=9, encourage=True),
    ],
    ids=["bounded", "explanation", "smallest", "better-than-random", "smallest-encouraged"],
)
def test_a_batch_is_what_the_sheets_loop_gives_image_by_image(x, attack):
    """Three classes and a kink, so that images settle at different steps and some start wrong."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(D, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    generator = torch.Generator().manual_seed(2)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    net.requires_grad_(False)
    x = x.double()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    found = attack(net, x, labels)
    for index, label in enumerate(labels.tolist()):
        assert_close(found.delta[index], slow(attack, net, x[index], label), msg=lambda m, i=index: f"image {i}: {m}")


def test_path_lengths_add_up_to_the_budget(two_class, x):
    """On a linear model all steps point one way while they follow: the last change has exactly the size of the path."""
    found = ScheduledAttack(0.01, steps=7)(two_class, x, torch.zeros(6, dtype=torch.int64))
    assert_close(rmse(found.delta), torch.full((6,), 0.01))


def test_images_already_wrong_stay_and_images_never_broken_are_censored(two_class, x):
    labels = torch.tensor([1, 1, 0, 0, 0, 0])
    found = ScheduledAttack(1e-3, "smallest")(two_class, x, labels)
    assert found.first.tolist() == [0, 0, -1, -1, -1, -1]
    assert found.distance[:2].tolist() == [0, 0] and bool(found.distance[2:].isinf().all())
    assert torch.equal(found.delta, torch.zeros_like(x))


def test_a_change_that_only_the_last_step_makes_is_seen(two_class, x):
    """The extra evaluation at the end: a single step that crosses the boundary counts."""
    found = ScheduledAttack(2.0, "smallest", steps=1)(two_class, x, torch.zeros(6, dtype=torch.int64))
    assert found.first.tolist() == [1] * 6
    assert_close(found.distance, torch.full((6,), 2.0))


def test_zero_epsilon_is_the_identity(two_class, x):
    assert torch.equal(explanation(0.0)(two_class, x, torch.ones(6, dtype=torch.int64)).delta, torch.zeros_like(x))


def test_encouraging_makes_the_class_likelier_and_attacking_less(two_class, x):
    labels = torch.zeros(6, dtype=torch.int64)
    before = boundary(two_class, x)
    assert bool((boundary(two_class, x + explanation(0.1)(two_class, x, labels).delta) > before).all())
    assert bool((boundary(two_class, x + L2_TRAINING(two_class, x, labels).delta) < before).all())


def test_clamp_keeps_images_and_the_reference_does_not(two_class, x):
    labels = torch.zeros(6, dtype=torch.int64)
    kept = ScheduledAttack(0.5, clamp=True)(two_class, x, labels)
    assert (x + kept.delta).min() >= 0 and (x + kept.delta).max() <= 1
    assert (x + ScheduledAttack(0.5)(two_class, x, labels).delta).min() < 0


def test_gradients_too_small_to_square_still_give_a_direction(two_class, x):
    with torch.no_grad():
        two_class[1].bias[0] = 60.0  # the loss gradient is about exp(-60), its square underflows
    found = L2_TRAINING(two_class, x, torch.zeros(6, dtype=torch.int64))
    assert_close(rmse(found.delta), torch.full((6,), 0.01))


def test_the_presets_are_those_of_the_sheet():
    assert (L2_TRAINING.epsilon, L2_TRAINING.steps, L2_TRAINING.rule) == (0.01, 7, "bounded")
    assert (L2_MIN_TRAINING.epsilon, L2_MIN_TRAINING.steps, L2_MIN_TRAINING.rule) == (0.1, 7, "smallest")
    assert (ARA_ATTACK.epsilon, ARA_ATTACK.rule) == (20, "smallest")
    assert (ARA_ATTACK.steps, ARA_ATTACK.momentum) == (450, 0.9)
    assert (explanation().steps, explanation().overshoot, explanation().encourage) == (35, 5, True)


@pytest.mark.parametrize(
    "settings",
    [{"epsilon": -1.0}, {"steps": 0}, {"overshoot": 0.0}, {"momentum": 1.0}, {"rule": "other"}, {"skip": (3, 8)}],
    ids=lambda settings: next(iter(settings)),
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        ScheduledAttack(**{"epsilon": 0.1} | settings)


def test_each_image_may_have_a_direction_of_its_own(two_class, x):
    labels = torch.zeros(6, dtype=torch.int64)
    towards, away = ScheduledAttack(0.1, encourage=True), ScheduledAttack(0.1)
    encourage = torch.tensor([True, False, False, True, True, False])
    for attack in (towards, away):
        mixed = attack(two_class, x, labels, encourage=encourage).delta
        assert torch.equal(mixed[encourage], towards(two_class, x, labels).delta[encourage])
        assert torch.equal(mixed[~encourage], away(two_class, x, labels).delta[~encourage])


def test_a_start_is_gone_on_from(two_class, x):
    """On a linear model the steps add to the start what they would have added to nothing."""
    labels = torch.ones(6, dtype=torch.int64)
    start = 0.001 * torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    attack = ScheduledAttack(0.1, steps=3, overshoot=0.5, encourage=True)
    moved = attack(two_class, x, labels, start=start).delta
    assert_close(moved - start, attack(two_class, x, labels).delta, rtol=1e-4, atol=1e-6)


def test_an_observer_sees_every_change_with_its_logits(two_class, x):
    seen = []
    attack = explanation(0.1)
    labels = torch.zeros(6, dtype=torch.int64)
    found = attack(two_class, x, labels, on_step=lambda delta, logits: seen.append((delta, logits)))
    assert len(seen) == attack.steps + 1 and not seen[0][0].any()
    assert torch.equal(seen[-1][0], found.delta) and torch.equal(found.delta, attack(two_class, x, labels).delta)
    for delta, logits in seen:
        assert not delta.requires_grad and not logits.requires_grad
        assert_close(logits, two_class(x + delta))


def test_an_image_that_retreats_is_not_asked_about_and_the_changes_are_the_same(x):
    """An observer has every image asked at every step, as the sheet's loop has."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(D, 8), nn.ReLU(), nn.Linear(8, 3))
    generator = torch.Generator().manual_seed(2)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    asked, told = [], []
    net.requires_grad_(False).register_forward_pre_hook(lambda _, given: asked.append(len(given[0])))
    attack, labels = explanation(0.2), torch.tensor([0, 1, 2, 0, 1, 2])
    some = attack(net, x, labels, on_progress=lambda done, of: told.append((done, of)))
    counted = sum(asked)
    every = attack(net, x, labels, on_step=lambda delta, logits: None)
    assert_close(some.delta, every.delta)
    assert torch.equal(some.first, every.first)
    assert sum(asked) - counted == 36 * 6 and counted < 0.8 * 36 * 6
    assert min(asked) >= FEWEST and told == [(step, 35) for step in range(36)]
    assert_close(some.logits, net(x + some.delta))
