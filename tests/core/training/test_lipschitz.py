"""The Lipschitz-inspired penalty on linear models, its controller, and the controller's state through a checkpoint."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.scheduled import L2_MIN_TRAINING, L2_TRAINING, explanation
from core.data.datasets import LabelledImages
from core.data.tasks import FASHION_MNIST
from core.errors import ConfigError
from core.models.resnet import ResNetConfig
from core.training.augment import Augmentation
from core.training.lipschitz import INTEGRAL, Lipschitz, PsiController, scalar_outputs
from core.training.loop import train
from core.training.plan import TrainingPlan


def repeated(batch, index: int, count: int = 400):
    """A batch of one example many times over, so that the draws average out."""
    return replace(batch, x=batch.x[index : index + 1].repeat(count, 1, 1, 1), labels=batch.labels[index].repeat(count))


def at(integral: float = 0.0) -> dict[str, torch.Tensor]:
    """The state of a training whose controller stands at an I."""
    return {name: value + integral for name, value in Lipschitz().fresh_state(6).items()}


def penalty(recipe, model, batch) -> torch.Tensor:
    """What the recipe adds to cross-entropy, over psi."""
    batch = replace(batch, state=at())
    total = recipe.loss(model, batch) - cross_entropy(model(batch.x), batch.labels)
    return total / recipe.controller.psi(batch.state[INTEGRAL].item())


def test_single_logits_of_a_linear_model(linear, batch):
    """The penalty of class k is mean(W_k^2); a batch shows the mean over the classes drawn."""
    classes = torch.randint(0, 3, (6, 1), generator=replay(batch, 6))[:, 0]
    expected = linear.weight.square().mean(1)[classes].mean()
    assert_close(penalty(Lipschitz(zeta=0.0), linear, batch), expected, rtol=1e-4, atol=1e-6)


def replay(batch, count: int) -> torch.Generator:
    """The batch's generator as it is after the coin of `scalar_outputs`, leaving the batch's own alone."""
    generator = torch.Generator()
    generator.set_state(batch.generator.get_state())
    torch.rand(count, generator=generator)
    return generator


def test_tandem_of_a_linear_model(linear, batch):
    """The penalty is mean((W_y - W_j)^2) for the strongest other class j."""
    others = linear(batch.x).scatter(1, batch.labels[:, None], -torch.inf).argmax(1)
    expected = (linear.weight[batch.labels] - linear.weight[others]).square().mean()
    assert_close(penalty(Lipschitz(zeta=1.0), linear, batch), expected, rtol=1e-4, atol=1e-6)


def test_every_logit_and_the_margin_are_drawn_as_often_as_stated():
    logits = torch.tensor([[1.0, 2.0, 4.0]]).repeat(6000, 1)
    labels = torch.full((6000,), 2)
    drawn = scalar_outputs(logits, labels, 0.25, torch.Generator().manual_seed(0))
    shares = [(drawn == value).float().mean().item() for value in (1.0, 2.0, 4.0)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.03)  # 2.0 is a logit and the margin 4 - 2


def test_duplicating_the_batch_changes_nothing(linear, batch):
    """With the margin for every image nothing is drawn, so twice the batch must give the same."""
    recipe = Lipschitz(zeta=1.0)
    twice = replace(batch, x=batch.x.repeat(2, 1, 1, 1), labels=batch.labels.repeat(2), state=at())
    assert_close(recipe.loss(linear, twice), recipe.loss(linear, replace(batch, state=at())))


def test_the_penalty_is_differentiated_too(smooth, batch, weight_gradcheck):
    recipe = Lipschitz(PsiController(growth=1e-12), zeta=1.0)  # finite differences must not move psi
    assert weight_gradcheck(smooth, lambda: recipe.loss(smooth, replace(batch, x=batch.x.double(), state=at())))


def test_psi_rises_below_the_target_and_falls_slowly_above_it():
    controller = PsiController()
    path = [0.0]
    for _ in range(50):
        path.append(controller.step(path[-1], 0.5))
    assert all(after - before == pytest.approx(1.0) for before, after in itertools.pairwise(path))  # ln 3 > 1
    assert controller.step(path[-1], 1.4) - path[-1] == pytest.approx(math.log(1.5 / 1.4))
    assert controller.step(path[-1], 9.0) - path[-1] == pytest.approx(-0.01)
    assert controller.step(0.0, 9.0) == 0.0
    assert controller.step(3.0, 0.0) == 4.0 and controller.step(3.0, math.nan) == 3.0


def test_psi_of_the_released_networks():
    """Their stored I gives the psi that their README lists."""
    assert PsiController().psi(208.51) == pytest.approx(14240, rel=1e-3)
    assert PsiController().psi(251.70) == pytest.approx(33778, rel=1e-3)


def test_the_controller_sees_the_batch_before_its_penalty_is_weighed(linear, batch):
    batch = replace(batch, state=at(10.0))
    clean = cross_entropy(linear(batch.x), batch.labels)
    total = Lipschitz(zeta=1.0).loss(linear, batch)
    controller = PsiController()
    assert batch.state[INTEGRAL].item() == pytest.approx(controller.step(10.0, clean.item()))
    again = penalty(Lipschitz(zeta=1.0), linear, batch)
    assert_close(total, clean + controller.psi(batch.state[INTEGRAL].item()) * again, rtol=1e-4, atol=1e-4)


def test_attacked_images_carry_loss_and_penalty(linear, batch):
    delta = L2_TRAINING(linear, batch.x, batch.labels).delta
    recipe = Lipschitz(zeta=1.0, attack=L2_TRAINING)
    attacked = replace(batch, x=batch.x + delta, state=at())
    expected = Lipschitz(zeta=1.0).loss(linear, attacked)
    assert_close(recipe.loss(linear, replace(batch, state=at())), expected)
    assert cross_entropy(linear(attacked.x), batch.labels) > cross_entropy(linear(batch.x), batch.labels)


def test_half_and_half_attacks_half(linear, batch):
    """The cross-entropy of one example many times over lies between that of the clean and of the attacked one."""
    many = repeated(batch, 0)
    clean, half, whole = (
        recipe.loss(linear, replace(many, state=at())).item()
        for recipe in (
            Lipschitz(PsiController(start=1e-9), attack=L2_TRAINING, share=share) for share in (0.0, 0.5, 1.0)
        )
    )
    assert whole > clean
    assert half == pytest.approx((clean + whole) / 2, abs=0.1 * (whole - clean))


def test_stopped_and_resumed_equals_uninterrupted(tmp_path):
    """The controller's I is part of the checkpoint: without it the second half would start from psi_0."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (60, 1, 28, 28), generator=generator, dtype=torch.uint8)
    data = LabelledImages(pixels, torch.zeros(60, dtype=torch.int64), "one class")  # learned at once: the loss falls
    network = ResNetConfig(10, (0.5,), (0.3,), (4,), (1,), "hhrelu")
    recipe = Lipschitz(PsiController(target=2.2, start=1.0, growth=0.1), attack=L2_MIN_TRAINING, share=0.5)
    plan = TrainingPlan("fashion-mnist", "tiny", recipe, network, 3, 20, augmentation=Augmentation(1), precision="fp32")
    whole = train(plan, data, data, tmp_path / "whole")
    seen = []
    train(plan, data, data, tmp_path / "part", seen.append, should_stop=lambda: len(seen) > 5)
    rest = train(plan, data, data, tmp_path / "part")
    assert_close(rest.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)
    saved = torch.load(tmp_path / "part" / "checkpoint.pt", weights_only=True)
    assert saved["recipe"].keys() == {INTEGRAL} and saved["recipe"][INTEGRAL] > 1


@pytest.mark.parametrize(
    "build",
    [
        lambda: Lipschitz(zeta=1.5),
        lambda: Lipschitz(share=-0.1),
        lambda: Lipschitz(attack=explanation()),
        lambda: PsiController(target=0.0),
        lambda: Lipschitz(PsiController(target=2.4)).check(FASHION_MNIST),
    ],
)
def test_impossible_settings_are_refused(build):
    with pytest.raises(ConfigError):
        build()
