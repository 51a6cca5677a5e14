"""PGD: where its results lie, what it finds where the answer is known, and what it leaves alone."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.fgsm import Fgsm
from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.models.resnet import PreActResNet, ResNetConfig
from core.models.step_precision import stepping
from core.norms import norm_of

SHAPE = (2, 3, 3)
NORM_AND_EPSILON = pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.06), ("l2", 0.4)])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def net():
    """A small network in eval mode with running statistics of its own, parameters trainable, no class preferred."""
    model = PreActResNet(ResNetConfig(4, (0.5, 0.5), (0.25, 0.25), (8, 8), (1, 1)), seeded(3))
    model.train()
    with torch.no_grad():
        model(torch.rand(32, 2, 12, 12, generator=seeded(4)))
        model.eval().head.bias.sub_(model(torch.rand(32, 2, 12, 12, generator=seeded(4))).mean(0))
    return model


@pytest.fixture
def images():
    """Images with entries at both ends of the range, so that the clamp to [0, 1] has work to do."""
    return (torch.rand(12, 2, 12, 12, generator=seeded(5)) * 1.4 - 0.2).clamp(0.0, 1.0)


@pytest.fixture
def labels(net, images):
    with torch.no_grad():
        return net(images).argmax(1)


@pytest.fixture
def linear():
    """A linear two-class model of SHAPE, and the direction in which the loss of class 0 rises."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(18, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.randn(2, 18, generator=seeded(1)))
    weight = model[1].weight.detach()
    return model, (weight[1] - weight[0]).view(1, *SHAPE)


def inside(x_adv, x, epsilon, norm):
    assert x_adv.min() >= 0.0 and x_adv.max() <= 1.0
    assert norm_of(x_adv - x, norm).max() <= epsilon * (1 + 1e-5)


@NORM_AND_EPSILON
@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize("stop", [False, True])
def test_results_lie_in_the_ball_and_in_the_range_and_raise_the_loss(
    net, images, labels, norm, epsilon, random_start, stop
):
    before = images.clone()
    attack = Pgd(epsilon, norm, 6, random_start=random_start, stop_when_wrong=stop)
    x_adv = attack(net, images, labels, seeded())
    inside(x_adv, images, epsilon, norm)
    assert torch.equal(images, before)
    assert not x_adv.requires_grad
    with torch.no_grad():
        assert cross_entropy(net(x_adv), labels) > cross_entropy(net(images), labels)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_zero_epsilon_is_the_identity(net, images, labels, norm):
    x_adv = Pgd(0.0, norm)(net, images, labels, seeded())
    assert torch.equal(x_adv, images) and x_adv is not images


@pytest.mark.parametrize("random_start", [False, True])
def test_linf_finds_the_worst_corner_of_a_linear_model(linear, random_start):
    """The two-class loss rises along w1 - w0, so the maximiser is x + epsilon * sign(w1 - w0)."""
    model, direction = linear
    x = torch.full((3, *SHAPE), 0.5)
    attack = Pgd(0.1, "linf", 10, 0.03, random_start=random_start)
    assert_close(attack(model, x, torch.zeros(3, dtype=torch.int64), seeded()), x + 0.1 * direction.sign())


@pytest.mark.parametrize("random_start", [False, True])
def test_l2_finds_the_worst_point_of_a_linear_model(linear, random_start):
    """The maximiser on the sphere lies along the gradient: x + epsilon * (w1 - w0) / |w1 - w0|."""
    model, direction = linear
    x = torch.full((3, *SHAPE), 0.5)
    attack = Pgd(0.3, "l2", 100, 0.2, random_start=random_start)
    found = attack(model, x, torch.zeros(3, dtype=torch.int64), seeded())
    assert_close(found, x + 0.3 * direction / direction.norm(), atol=1e-4, rtol=0.0)


def test_the_clamp_to_the_range_binds_at_black_and_white(linear):
    model, direction = linear
    x = (direction < 0).float()  # every pixel already at the end that it is pushed beyond, but inverted
    found = Pgd(0.1, "linf", 5, random_start=False)(model, 1 - x, torch.tensor([0]))
    assert torch.equal(found, 1 - x)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_aiming_at_a_class_of_a_linear_model_finds_its_best_point(linear, norm):
    """The loss of class 1 falls along w1 - w0."""
    model, direction = linear
    x = torch.full((3, *SHAPE), 0.5)
    best = direction.sign() if norm == "linf" else direction / direction.norm()
    found = Pgd(0.1, norm, 60, 0.03, random_start=False, targeted=True)(model, x, torch.ones(3, dtype=torch.int64))
    assert_close(found, x + 0.1 * best, atol=1e-4, rtol=0.0)


def test_iterated_tgsm_is_tgsm_again_and_again(net, images):
    """Without a ball that binds, each step is the single-step attack from where the last one ended."""
    target = torch.full((len(images),), 2)
    x_adv = images
    for _ in range(4):
        x_adv = Fgsm(0.1, targeted=True)(net, x_adv, target)
    found = Pgd(1.0, "linf", 4, 0.1, random_start=False, targeted=True)(net, images, target)
    assert_close(found, x_adv, atol=1e-6, rtol=0.0)


@NORM_AND_EPSILON
def test_of_several_targeted_runs_the_one_closest_to_the_class_is_kept(net, images, labels, norm, epsilon):
    target = (labels + 1) % 4

    def loss(restarts):
        attack = Pgd(epsilon, norm, 2, epsilon / 4, restarts=restarts, targeted=True)
        x_adv = attack(net, images, target, seeded(6))
        with torch.no_grad():
            return cross_entropy(net(x_adv), target, reduction="none")

    once, often = loss(1), loss(4)
    assert (often <= once + 1e-6).all() and (often < once - 1e-6).any()


def test_the_step_follows_epsilon_unless_it_is_given():
    assert Pgd(0.2, steps=10).step == pytest.approx(2.5 * 0.2 / 10)
    assert Pgd(0.2, steps=10, step_size=0.07).step == 0.07


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.03), ("l2", 0.4)])
def test_stopping_when_wrong_breaks_at_least_what_the_full_run_breaks(net, images, labels, norm, epsilon):
    """Both follow the same path; the full run may walk back, the stopping one keeps the first wrong iterate."""
    full = Pgd(epsilon, norm, 8, random_start=False)
    x_full = full(net, images, labels)
    x_stop = Pgd(epsilon, norm, 8, random_start=False, stop_when_wrong=True)(net, images, labels)
    with torch.no_grad():
        wrong_full, wrong_stop = net(x_full).argmax(1) != labels, net(x_stop).argmax(1) != labels
    assert wrong_full.any() and not wrong_stop.all()
    assert not (wrong_full & ~wrong_stop).any()
    assert_close(x_stop[~wrong_stop], x_full[~wrong_stop], atol=1e-5, rtol=0.0)


@NORM_AND_EPSILON
@pytest.mark.parametrize("stop", [False, True])
def test_steps_in_bfloat16_stay_inside_and_fool_as_many(net, images, labels, norm, epsilon, stop):
    attack = Pgd(epsilon, norm, 8, random_start=False, stop_when_wrong=stop)
    fooled = []
    for network in (net, stepping(net, "bfloat16")):
        x_adv = attack(network, images, labels)
        inside(x_adv, images, epsilon, norm)
        with torch.no_grad():
            fooled.append(int((net(x_adv).argmax(1) != labels).sum()))
    assert abs(fooled[0] - fooled[1]) <= 1 and fooled[0] > 0


def test_an_image_that_is_wrong_in_bfloat16_alone_is_attacked_on(net, images, labels):
    steps = stepping(net, "bfloat16")
    with torch.no_grad():
        steps.low.head.bias[:] = -torch.nn.functional.one_hot(labels[:1], 4)[0] * 1e4  # class labels[0] never wins
    alike = labels == labels[0]
    with torch.no_grad():
        assert (steps(images).argmax(1) == labels).all()
    assert (steps(images.clone().requires_grad_())[alike].argmax(1) != labels[alike]).all()
    found = Pgd(0.06, steps=1, random_start=False, stop_when_wrong=True)(steps, images, labels)
    assert ((found != images).flatten(1).any(1))[alike].all()


def test_stopping_when_wrong_leaves_images_alone_that_are_wrong_from_the_start(net, images, labels):
    wrong = (labels + 1) % 4
    attack = Pgd(0.05, steps=3, random_start=False, stop_when_wrong=True)
    assert torch.equal(attack(net, images, wrong), images)
    mixed = torch.where(torch.arange(len(labels)) % 3 == 0, labels, wrong)
    x_adv = attack(net, images, mixed)
    touched = (x_adv != images).flatten(1).any(1)
    assert torch.equal(touched, mixed == labels)


@NORM_AND_EPSILON
@pytest.mark.parametrize("stop", [False, True])
def test_more_restarts_never_lower_the_loss(net, images, labels, norm, epsilon, stop):
    def loss(restarts):
        x_adv = Pgd(epsilon, norm, 2, restarts=restarts, stop_when_wrong=stop)(net, images, labels, seeded(6))
        inside(x_adv, images, epsilon, norm)
        with torch.no_grad():
            logits = net(x_adv)
        return cross_entropy(logits, labels, reduction="none"), logits.argmax(1) != labels

    (once, wrong_once), (often, wrong_often) = loss(1), loss(4)
    assert not (wrong_once & ~wrong_often).any()
    if not stop:  # with it, a broken image is kept as it was when it broke
        assert (often >= once - 1e-6).all() and (often > once + 1e-6).any()


def test_same_seed_same_result_and_another_seed_another(net, images, labels):
    attack = Pgd(0.05, steps=2)
    first, again = (attack(net, images, labels, seeded(7)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, attack(net, images, labels, seeded(8)))


@pytest.mark.parametrize("stop", [False, True])
def test_the_model_is_left_as_it_was(net, images, labels, stop):
    net.head.bias.requires_grad_(False)
    wanted = {name: (p.requires_grad, p.detach().clone()) for name, p in net.named_parameters()}
    buffers = {name: value.clone() for name, value in net.named_buffers()}
    Pgd(0.05, steps=3, stop_when_wrong=stop)(net, images, labels, seeded())
    assert not any(module.training for module in net.modules())
    for name, parameter in net.named_parameters():
        assert parameter.grad is None
        assert parameter.requires_grad == wanted[name][0]
        assert torch.equal(parameter, wanted[name][1])
    assert all(torch.equal(value, buffers[name]) for name, value in net.named_buffers())


@pytest.mark.parametrize(
    "settings",
    [
        {"epsilon": -0.1},
        {"epsilon": float("inf")},
        {"epsilon": float("nan")},
        {"epsilon": 0.1, "norm": "l1"},
        {"epsilon": 0.1, "steps": 0},
        {"epsilon": 0.1, "step_size": 0.0},
        {"epsilon": 0.1, "restarts": 0},
        {"epsilon": 0.1, "restarts": 2, "random_start": False},
        {"epsilon": 0.1, "stop_when_wrong": True, "targeted": True},
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError):
        Pgd(**settings)


def test_a_random_start_needs_a_generator(net, images, labels):
    with pytest.raises(ConfigError, match="generator"):
        Pgd(0.1)(net, images, labels)


@NORM_AND_EPSILON
@pytest.mark.parametrize("stop", [False, True])
def test_each_image_gets_its_share_of_the_ball(net, images, labels, norm, epsilon, stop):
    """An image's share is a smaller attack on it alone, whatever becomes of the others."""
    shares = torch.linspace(0, 1, len(images))
    attack = Pgd(epsilon, norm, 4, random_start=False, stop_when_wrong=stop)
    together = attack(net, images, labels, shares=shares)
    assert torch.equal(together[0], images[0])
    for index in (len(images) // 2, len(images) - 1):
        smaller = replace(attack, epsilon=epsilon * shares[index].item(), step_size=attack.step * shares[index].item())
        alone = smaller(net, images[index : index + 1], labels[index : index + 1])
        assert_close(together[index : index + 1], alone, rtol=0, atol=1e-5)
