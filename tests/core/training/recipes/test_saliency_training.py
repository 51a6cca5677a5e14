"""Saliency-based training: its perturbation is exact, its coin is fair, and maps move with their images."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.kl_ascent import KlAscent
from core.attacks.pgd import Pgd
from core.data.datasets import LabelledImages
from core.errors import ConfigError
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from core.saliency.scaling import min_max
from core.training.augment import Augmentation
from core.training.loop import train
from core.training.plan import TrainingPlan
from core.training.recipes.base import Batch
from core.training.recipes.saliency_maps import STRONG_MAPS
from core.training.recipes.saliency_perturbation import ALPHA, SaliencyPerturbation
from core.training.recipes.saliency_training import SaliencyPgd, SaliencyTrades, SaliencyTraining, coin_flip
from core.training.recipes.standard import Standard
from core.training.recipes.trades import trades_loss

NETWORK = ResNetConfig(10, (0.5,), (0.3,), (4, 8), (1, 1))


@pytest.fixture
def annotated(batch):
    """The batch with a box on the left half of every image, in an epoch in which the map has taken over."""
    maps = torch.full((6, 1, 2, 2), -1.0)
    maps[..., 0] = 1.0
    return replace(batch, maps=maps, epoch=10_000)


@pytest.fixture
def teacher():
    """A small network whose features are not all zero."""
    net = PreActResNet(NETWORK, torch.Generator().manual_seed(0))
    return fast_form(net)


def test_annealing_starts_with_noise_and_rises_to_maps():
    perturbation = SaliencyPerturbation("given")
    shares = [perturbation.share(epoch) for epoch in range(100)]
    assert shares[0] == 0 and all(after > before for before, after in itertools.pairwise(shares))
    assert [round(shares[epoch], 2) for epoch in (10, 20, 30, 50)] == [0.40, 0.64, 0.78, 0.92]
    assert pytest.approx(0.6) == ALPHA**10


def test_with_the_map_alone_every_pixel_moves_by_epsilon_against_it(annotated):
    """The object is darkened, the rest brightened."""
    moved = SaliencyPerturbation("given", epsilon=0.1)(annotated)
    assert_close(moved, annotated.x - 0.1 * annotated.maps)


def test_subtracting_the_true_minus_other_weights_is_the_worst_corner(linear, batch):
    """Linear two-class model, s = sign(w_y - w_other): no corner of the ball has a larger loss."""
    with torch.no_grad():
        linear.weight[2] = 0
        linear.weight[:2] *= 3
    labels = torch.zeros(6, dtype=torch.int64)

    def two(images):
        return linear(images)[:, :2]

    maps = (linear.weight[0] - linear.weight[1]).sign().view(1, 1, 2, 2).expand(6, 1, 2, 2).detach()
    whole = replace(batch, maps=maps, labels=labels, epoch=10_000)
    found = cross_entropy(two(SaliencyPerturbation("given", epsilon=0.1)(whole)), labels, reduction="none")
    for corner in itertools.product((-1.0, 1.0), repeat=4):
        delta = 0.1 * torch.tensor(corner).view(1, 1, 2, 2)
        assert bool((cross_entropy(two(batch.x + delta), labels, reduction="none") <= found + 1e-6).all())


def test_the_first_epoch_and_the_control_are_sign_noise_alone(annotated):
    for perturbation, epoch in ((SaliencyPerturbation("given", epsilon=0.1), 0), (SaliencyPerturbation("none"), 50)):
        many = replace(
            annotated, x=torch.full((400, 1, 2, 2), 0.5), epoch=epoch, maps=annotated.maps[:1].expand(400, -1, -1, -1)
        )
        mixed = perturbation.mixture(many).mixed
        assert set(mixed.unique().tolist()) == {-1.0, 1.0}
        assert mixed.mean((0, 1)).abs().max() < 0.2  # about even at every place, unlike the box


def test_the_mask_is_drawn_for_each_entry_with_the_stated_share():
    maps = torch.zeros(50, 1, 10, 10)  # zero tells map from noise
    batch = Batch(torch.full((50, 3, 10, 10), 0.5), torch.zeros(50), torch.Generator().manual_seed(0), 10, maps)
    mixture = SaliencyPerturbation("given").mixture(batch)
    assert torch.equal(mixture.mixed == 0, mixture.chosen)
    assert mixture.chosen.float().mean().item() == pytest.approx(0.4, abs=0.01)
    assert not torch.equal(mixture.chosen[:, 0], mixture.chosen[:, 1])  # channels have masks of their own


def test_the_result_is_an_image(annotated):
    moved = SaliencyPerturbation("given", epsilon=0.9)(annotated)
    assert moved.min() == 0 and moved.max() == 1


def test_the_loss_is_cross_entropy_on_perturbed_images_only(linear, annotated):
    recipe = SaliencyTraining(SaliencyPerturbation("given", epsilon=0.1))
    expected = cross_entropy(linear(annotated.x - 0.1 * annotated.maps), annotated.labels)
    assert_close(recipe.loss(linear, annotated), expected)
    zero = SaliencyTraining(SaliencyPerturbation("given", epsilon=0.0))
    assert_close(zero.loss(linear, annotated), cross_entropy(linear(annotated.x), annotated.labels))


@pytest.mark.parametrize("name", STRONG_MAPS)
def test_strong_maps_explain_the_teachers_prediction_within_range(teacher, name):
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    labels = (teacher(x).argmax(1) + 1) % 10
    batch = Batch(x, labels, torch.Generator().manual_seed(2), 10_000, teacher=teacher)
    perturbation = SaliencyPerturbation(name, "standard")
    saliency = perturbation.mixture(batch).saliency
    low = 0 if name in ("smooth-grad", "grad-cam++", "integrated-gradients") else -1
    assert saliency.shape == x.shape and low <= saliency.min() and saliency.max() <= 1 and saliency.std() > 0
    again = Batch(x, labels, torch.Generator().manual_seed(2), 10_000, teacher=teacher)
    own = STRONG_MAPS[name](teacher, x, teacher(x).argmax(1), torch.Generator().manual_seed(2))
    assert_close(perturbation.mixture(again).saliency, own)
    labelled = replace(perturbation, of_label=True).mixture(replace(again, generator=torch.Generator().manual_seed(2)))
    assert not torch.allclose(labelled.saliency, own)


def test_maps_of_a_linear_teacher_point_where_they_say(linear, batch):
    """Logits (w x, -w x): the score of class 0 grows along w, and its loss falls along w at every point of a path."""
    row = linear.weight[0].detach()
    linear.weight.data = torch.stack([row, -row])
    w, target, generator = row.view(1, 1, 2, 2), torch.zeros(6, dtype=torch.int64), batch.generator
    expected = {
        "gradient-sign": w.sign().expand_as(batch.x),
        "smooth-grad": min_max(w.expand_as(batch.x)),
        "integrated-gradients": min_max(-w * batch.x),
    }
    for name, heatmap in expected.items():
        assert_close(STRONG_MAPS[name](linear, batch.x, target, generator), heatmap)
        assert not torch.allclose(STRONG_MAPS[name](linear, batch.x, target + 1, generator), heatmap)


def test_guided_and_plain_gradients_are_different_maps(teacher):
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    target, generator = teacher(x).argmax(1), torch.Generator()
    for guided, plain in (("guided-sign", "gradient-sign"), ("guided-grad-cam++", "gradient-grad-cam++")):
        assert not torch.equal(
            STRONG_MAPS[guided](teacher, x, target, generator), STRONG_MAPS[plain](teacher, x, target, generator)
        )


def seeded_coin(want: bool) -> torch.Generator:
    """A generator whose next toss is known."""
    for seed in range(100):
        if coin_flip(torch.Generator().manual_seed(seed)) == want:
            return torch.Generator().manual_seed(seed)
    raise AssertionError("no such toss in a hundred")


def test_the_coin_is_fair():
    generator = torch.Generator().manual_seed(0)
    assert sum(coin_flip(generator) for _ in range(2000)) == pytest.approx(1000, abs=100)


def test_with_pgd_the_other_side_of_the_coin_is_pgd(linear, annotated):
    attack = Pgd(0.05, steps=3)
    recipe = SaliencyPgd(SaliencyPerturbation("given", epsilon=0.1), attack)
    generator = seeded_coin(False)
    coin_flip(generator)
    x_adv = attack(linear, annotated.x, annotated.labels, generator)
    expected = cross_entropy(linear(x_adv), annotated.labels)
    assert_close(recipe.loss(linear, replace(annotated, generator=seeded_coin(False))), expected)


def test_with_pgd_the_map_is_subtracted_after_a_random_start(linear, annotated):
    recipe = SaliencyPgd(SaliencyPerturbation("given", epsilon=0.1), Pgd(0.05))
    generator = seeded_coin(True)
    coin_flip(generator)
    start = 0.1 * (2 * torch.rand(annotated.x.shape, generator=generator) - 1)
    expected = cross_entropy(linear(annotated.x + start - 0.1 * annotated.maps), annotated.labels)
    assert_close(recipe.loss(linear, replace(annotated, generator=seeded_coin(True))), expected)


def test_with_trades_each_side_of_the_coin_feeds_the_divergence(linear, annotated):
    attack = KlAscent(0.05)
    recipe = SaliencyTrades(SaliencyPerturbation("given", epsilon=0.1), attack)
    moved = annotated.x - 0.1 * annotated.maps
    expected = trades_loss(linear, annotated.x, moved, annotated.labels, 1.0)
    assert_close(recipe.loss(linear, replace(annotated, generator=seeded_coin(True))), expected)
    generator = seeded_coin(False)
    coin_flip(generator)
    expected = trades_loss(linear, annotated.x, attack(linear, annotated.x, generator), annotated.labels, 1.0)
    assert_close(recipe.loss(linear, replace(annotated, generator=seeded_coin(False))), expected)


def test_a_map_moves_with_its_image():
    """An image that is its own map stays so when both are flipped and shifted, but for what is mirrored in."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.where(torch.rand(40, 1, 8, 8, generator=generator) < 0.5, 1.0, -1.0)
    x = (maps.expand(-1, 3, -1, -1) + 1) / 2
    moved, moved_maps = Augmentation(0).with_maps(x, maps, torch.Generator().manual_seed(1))
    assert torch.equal(moved * 2 - 1, moved_maps.expand_as(moved))
    assert not torch.equal(moved, x)
    shifted, shifted_maps = Augmentation(2).with_maps(x, maps, torch.Generator().manual_seed(1))
    inside = (slice(None), slice(None), slice(2, 6), slice(2, 6))
    assert torch.equal((shifted * 2 - 1)[inside], shifted_maps.expand_as(shifted)[inside])
    assert bool(((shifted * 2 - 1 == shifted_maps) | (shifted_maps == -1)).all())
    assert_close(shifted, Augmentation(2)(x, torch.Generator().manual_seed(1)), rtol=0, atol=0)


def pictures(maps=None) -> LabelledImages:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (60, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return LabelledImages(pixels, torch.arange(60) % 10, "noise", maps)


def plan(recipe) -> TrainingPlan:
    return TrainingPlan("fashion-mnist", "tiny", recipe, NETWORK, 3, 20, augmentation=Augmentation(1), precision="fp32")


BOXES = torch.where(torch.arange(28) < 14, 1, -1).to(torch.int8).expand(60, 1, 28, 28)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "maps"),
    [
        (SaliencyTraining(SaliencyPerturbation("given")), BOXES),
        (SaliencyPgd(SaliencyPerturbation("guided-sign", "standard"), Pgd(0.05, steps=1)), None),
        (SaliencyTrades(SaliencyPerturbation("none"), KlAscent(0.05, steps=1)), None),
    ],
    ids=["boxes", "guided-pgd", "noise-trades"],
)
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, teacher, recipe, maps):
    data, networks = pictures(maps), {"standard": teacher}
    whole = train(plan(recipe), data, data, tmp_path / "whole", networks=networks)
    seen = []
    train(plan(recipe), data, data, tmp_path / "part", seen.append, lambda: len(seen) > 5, networks=networks)
    rest = train(plan(recipe), data, data, tmp_path / "part", networks=networks)
    assert_close(rest.model.state_dict(), whole.model.state_dict(), rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_training_without_the_teacher_or_the_boxes_is_refused_before_it_starts(tmp_path):
    strong = SaliencyTraining(SaliencyPerturbation("gradient-sign", "pgd-linf"))
    with pytest.raises(ConfigError, match="pgd-linf"):
        train(plan(strong), pictures(), pictures(), tmp_path)
    with pytest.raises(ConfigError, match="boxes or masks"):
        train(plan(SaliencyTraining(SaliencyPerturbation("given"))), pictures(), pictures(), tmp_path)
    assert not any(tmp_path.iterdir())


def test_resuming_with_another_teacher_is_refused(tmp_path, teacher):
    recipe = SaliencyTraining(SaliencyPerturbation("gradient-sign", "pgd-linf"))
    train(plan(recipe), pictures(), pictures(), tmp_path, networks={"pgd-linf": teacher})
    other = fast_form(PreActResNet(NETWORK, torch.Generator().manual_seed(9)))
    with pytest.raises(ConfigError, match="other weights of 'pgd-linf'"):
        train(plan(recipe), pictures(), pictures(), tmp_path, networks={"pgd-linf": other})


def test_boxes_change_nothing_for_a_recipe_that_does_not_ask(tmp_path):
    outcomes = [
        train(plan(Standard()), pictures(maps), pictures(), tmp_path / str(maps is None)) for maps in (None, BOXES)
    ]
    assert_close(outcomes[0].model.state_dict(), outcomes[1].model.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize(
    "build",
    [
        lambda: SaliencyPerturbation("other"),
        lambda: SaliencyPerturbation("given", epsilon=-0.1),
        lambda: SaliencyPerturbation("given", alpha=1.1),
        lambda: SaliencyPerturbation("given", "standard"),
        lambda: SaliencyPerturbation("guided-sign"),
        lambda: SaliencyTrades(SaliencyPerturbation("none"), KlAscent(0.1), beta=-1.0),
    ],
)
def test_impossible_settings_are_refused(build):
    with pytest.raises(ConfigError):
        build()
