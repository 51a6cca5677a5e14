"""The construction shows what training does: the same mixture, the same image, the known losses of a linear network."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from core.training.inspect_perturbation import adversity, construct, strong_map, worst_found
from core.training.recipes.base import Batch
from core.training.recipes.saliency_maps import STRONG_MAPS
from core.training.recipes.saliency_perturbation import SaliencyPerturbation

EPSILON = 0.05


@pytest.fixture
def x():
    """One 2x2 grey picture, farther than epsilon from 0 and 1."""
    return 0.3 + 0.4 * torch.rand(1, 1, 2, 2, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def two(linear):
    """The linear network with two classes."""
    linear.weight = torch.nn.Parameter(linear.weight[:2].detach())
    return linear


def true_minus_other(two) -> np.ndarray:
    """The sign map of class 0 in the two-class network, (C, H, W)."""
    w0, w1 = two.weight.detach()
    return (w0 - w1).sign().view(1, 2, 2).numpy()


def test_the_steps_are_those_of_the_formula_and_of_training():
    x = torch.full((1, 1, 8, 8), 0.5)
    saliency = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 8, 8)
    made = construct(x, saliency, EPSILON, 0.95, 20, seed=3)
    np.testing.assert_array_equal(made.mixed, np.where(made.chosen == 1, made.saliency, made.noise))
    np.testing.assert_allclose(made.x_new, np.clip(made.x - EPSILON * made.mixed, 0, 1), atol=1e-7)
    perturbation = SaliencyPerturbation("given", None, EPSILON, 0.95)
    batch = Batch(x, torch.tensor([0]), torch.Generator().manual_seed(3), 20, torch.from_numpy(saliency)[None])
    np.testing.assert_array_equal(made.x_new, perturbation(batch)[0].numpy())
    assert made.share == perturbation.share(20) == pytest.approx(1 - 0.95**20)


def test_epoch_0_is_noise_alone_and_the_mask_only_grows():
    x = torch.full((1, 3, 8, 8), 0.5)
    saliency = np.zeros((3, 8, 8), np.float32)
    made = [construct(x, saliency, EPSILON, 0.9, epoch) for epoch in (0, 5, 20, 1000)]
    assert made[0].chosen.sum() == 0 and set(np.unique(made[0].mixed)) == {-1.0, 1.0}
    assert all((one.chosen <= other.chosen).all() for one, other in itertools.pairwise(made))
    assert made[-1].chosen.all() and (made[-1].x_new == made[-1].x).all()  # the map is zero
    assert all((one.noise == made[0].noise).all() for one in made)


def test_without_a_map_every_epoch_is_noise(x):
    made = construct(x, None, EPSILON, 0.5, 50)
    assert made.share == 0 and (made.mixed == made.noise).all()


def test_on_a_linear_network_the_sign_map_is_as_bad_as_pgd_and_points_where_the_loss_rises(x, two):
    """With two classes the worst corner of the L-infinity ball is exactly `x - epsilon sign(w_true - w_other)`."""
    saliency = true_minus_other(two)
    made = construct(x, saliency, EPSILON, 0.0, 1)  # alpha 0: the map alone from epoch 1 on
    worst = worst_found(two, x, 0, Pgd(EPSILON))
    np.testing.assert_allclose(made.x_new, worst, atol=1e-6)
    found = adversity(two, made, 0, worst, 5)
    losses = found.losses
    assert losses["along"] == pytest.approx(losses["pgd"], abs=1e-5) == losses["mixed"]
    assert losses["against"] < losses["clean"] < losses["along"]
    assert losses["clean"] == pytest.approx(cross_entropy(two(x), torch.tensor([0])).item())
    assert losses["against"] <= losses["noise"] <= losses["along"]
    w0, w1 = two.weight.detach()
    difference = w0 - w1
    expected = difference.abs().sum() / (2 * difference.norm())  # cosine of a vector of 4 and its sign
    assert found.cosine == pytest.approx(expected.item(), abs=1e-5)
    assert found.best == pytest.approx(found.cosine)  # it is the gradient's own sign pattern
    assert found.cosines[1] == pytest.approx(found.cosine) and len(found.cosines) == 6
    assert found.cosines[0] < found.cosines[1]


def test_the_label_decides_whose_loss_it_is(x, two):
    made = construct(x, true_minus_other(two), EPSILON, 0.0, 1)
    other = adversity(two, made, 1, made.x, 1)
    assert other.best == pytest.approx(-other.cosine)
    assert other.cosine < 0 and other.losses["along"] < other.losses["clean"] < other.losses["against"]


@pytest.mark.parametrize("name", STRONG_MAPS)
def test_maps_of_a_teacher_are_those_of_training_in_their_range(name):
    teacher = fast_form(
        PreActResNet(ResNetConfig(10, (0.5,), (0.3,), (4, 8), (1, 1)), torch.Generator().manual_seed(0))
    )
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    found = strong_map(teacher, x, name)
    expected = STRONG_MAPS[name](teacher, x, teacher(x).argmax(1), torch.Generator().manual_seed(0))
    assert_close(torch.from_numpy(found)[None], expected.detach())
    assert np.abs(found).max() <= 1 and found.any()
    np.testing.assert_array_equal(found, strong_map(teacher, x, name))


@pytest.mark.parametrize("change", [{"epsilon": -0.1}, {"alpha": 1.5}, {"epoch": -1}], ids=str)
def test_settings_that_cannot_be_are_refused(x, change):
    settings = {"epsilon": EPSILON, "alpha": 0.9, "epoch": 1} | change
    with pytest.raises(ConfigError):
        construct(x, None, **settings)


def test_a_map_without_a_teacher_is_no_map_of_a_teacher(x, two):
    with pytest.raises(ConfigError, match="map must be one of"):
        strong_map(two, x, "given")
