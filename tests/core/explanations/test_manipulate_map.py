"""Moving heat maps: within the ball, the answer kept, the map moved; and the maps that can be differentiated."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from core.errors import ConfigError, InputError
from core.explanations import manipulate_map as explanations_manipulate_map
from core.explanations.manipulate_map import SMOOTHED_METHODS, STEPS, least_quadrants, manipulate_map, manipulate_maps
from core.explanations.smoothed_network import check_method, correlation, heat_map_of, heatmap, smooth_copy, smooth_map
from core.models.zoo import load_zoo_model
from core.saliency.gradient import gradient

EPSILON = 0.1


@pytest.fixture(scope="module")
def model():
    """The standard network that ships: a trained one, which the attack must fool."""
    return load_zoo_model("fashion-mnist", "standard")


@pytest.fixture(scope="module")
def x():
    """Drawn garments: a shirt with sleeves and a pair of trousers, shaded so that no two rows are alike."""
    pictures = torch.zeros(2, 1, 28, 28)
    pictures[0, 0, 4:25, 9:19] = 0.7
    pictures[0, 0, 5:12, 2:26] = 0.6
    pictures[1, 0, 3:26, 8:12] = pictures[1, 0, 3:26, 15:19] = 0.8
    pictures[1, 0, 3:7, 8:19] = 0.8
    return pictures * torch.linspace(0.8, 1.0, 28).view(1, 1, 28, 1)


@pytest.fixture(scope="module")
def target(model, x):
    with torch.no_grad():
        return model.fast(x).argmax(1)


@pytest.mark.slow
@pytest.mark.parametrize("method", SMOOTHED_METHODS)
def test_the_map_moves_while_the_answer_stays(model, x, target, method):
    """Judged here, from the images alone, on the plain form of the network."""
    regions = least_quadrants(heat_map_of(model.fast, x, target, method))
    for index, moved in enumerate(manipulate_maps(model, x, method, regions, EPSILON)):
        x_adv = torch.from_numpy(moved.x_adv)[None]
        assert np.abs(moved.delta).max() <= EPSILON + 1e-6 and moved.x_adv.min() >= 0 and moved.x_adv.max() <= 1
        with torch.no_grad():
            before, after = (model.plain(image).softmax(1)[0] for image in (x[index : index + 1], x_adv))
        assert after.argmax() == before.argmax() == target[index]
        assert abs(after[target[index]] - before[target[index]]) <= 0.05
        old, new = (
            heat_map_of(model.plain, image, target[index : index + 1], method)[0]
            for image in (x[index : index + 1], x_adv)
        )
        region = regions[index].float()
        towards = [np.corrcoef(map_.flatten(), region.flatten())[0, 1] for map_ in (old, new)]
        assert towards[1] > towards[0] + 0.1
        stayed = np.corrcoef(new.flatten(), old.flatten())[0, 1]
        assert moved.correlation_target == pytest.approx(towards[1], abs=1e-2)
        assert moved.correlation_before == pytest.approx(towards[0], abs=1e-2)
        assert moved.correlation_original == pytest.approx(stayed, abs=1e-2)
        assert moved.succeeded == (towards[1] > stayed)
        assert moved.mass_adv > moved.mass and moved.mass == pytest.approx(float((old * region).sum()), abs=1e-2)


def test_any_region_can_be_asked_for(model, x):
    """A ring is no quadrant: the map that is shown as wanted is even on it, and the real one goes there."""
    rows, columns = np.mgrid[:28, :28]
    distance = np.hypot(rows - 13.5, columns - 13.5)
    ring = (distance > 9) & (distance < 13)
    moved = manipulate_map(model, x[:1], "gradient", ring, EPSILON)
    assert_close(moved.target_map, (ring / ring.sum()).astype(np.float32))
    assert moved.mass_adv > moved.mass + 0.1 and moved.kept


@pytest.mark.parametrize("method", SMOOTHED_METHODS)
def test_no_epsilon_no_change(model, x, method):
    region = np.zeros((28, 28), bool)
    region[:14, :14] = True
    moved = manipulate_map(model, x[:1], method, region, 0.0)
    assert np.array_equal(moved.x_adv, moved.x) and moved.correlation_original == pytest.approx(1, abs=1e-6)
    assert moved.kept and not moved.succeeded


def test_an_answer_that_can_not_be_kept_leaves_the_image_alone(model, x, monkeypatch):
    monkeypatch.setattr(explanations_manipulate_map, "TOLERANCE", -1.0)  # no probability is within it
    moved = manipulate_map(model, x[:1], "gradient", _corner(), EPSILON)
    assert np.array_equal(moved.x_adv, moved.x)


@pytest.mark.slow
def test_images_are_searched_for_one_by_one(model, x, target):
    """An image's result does not hang on its neighbours, but for the random start, which is drawn for all at once."""
    regions = least_quadrants(heat_map_of(model.fast, x, target, "grad-cam"))
    both = manipulate_maps(model, x, "grad-cam", regions, EPSILON)
    alone = manipulate_maps(model, x[:1], "grad-cam", regions[:1], EPSILON)
    assert np.abs(both[0].x_adv - alone[0].x_adv).max() < 1e-4


@pytest.mark.slow
def test_same_seed_same_change(model, x):
    one, again, other = (manipulate_map(model, x[:1], "grad-cam", _corner(), EPSILON, seed).x_adv for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_the_search_tells_how_far_it_is_and_can_be_ended(model, x):
    said: list[tuple[int, int]] = []
    of = explanations_manipulate_map.STEPS["grad-cam"]
    manipulate_map(model, x[:1], "grad-cam", _corner(), EPSILON, 0, lambda done, of: said.append((done, of)))
    assert said == [(done, of) for done in range(1, of + 1)]
    said.clear()
    moved = manipulate_map(
        model,
        x[:1],
        "grad-cam",
        _corner(),
        EPSILON,
        0,
        lambda done, of: said.append((done, of)),
        lambda: len(said) == 4,
    )
    assert len(said) == 4 and moved.kept
    unchanged = manipulate_map(model, x[:1], "grad-cam", _corner(), EPSILON, should_stop=lambda: True)
    assert np.array_equal(unchanged.x_adv, unchanged.x)


def test_the_network_is_left_as_it_was(model, x):
    before = {
        name: (value.clone(), value.requires_grad) for name, value in model.fast.state_dict(keep_vars=True).items()
    }
    kinds = [type(module) for module in model.fast.modules()]
    manipulate_map(model, x[:1], "integrated-gradients", _corner(), EPSILON, should_stop=_after(2))
    assert [type(module) for module in model.fast.modules()] == kinds
    for name, value in model.fast.state_dict(keep_vars=True).items():
        assert torch.equal(value, before[name][0]) and value.requires_grad == before[name][1] and value.grad is None


@pytest.mark.slow
def test_a_network_without_gradient_gives_the_image_back(model, x, monkeypatch):
    """All weights of the head zero: every answer alike, no map anywhere; nothing to divide by."""
    dead = smooth_copy(model.fast, 10.0)
    head = torch.nn.Linear(dead.head.in_features, 10).requires_grad_(False)
    head.weight.zero_()
    dead.head = head
    flat = dataclasses.replace(model, fast=dead)
    for method in SMOOTHED_METHODS:
        monkeypatch.setitem(STEPS, method, 10)
        moved = manipulate_map(flat, x[:1], method, _corner(), EPSILON)
        assert moved.heatmap_adv.max() == 0 and not moved.succeeded and np.isfinite(moved.x_adv).all()
        assert (moved.correlation_before, moved.correlation_target, moved.correlation_original) == (0, 0, 0)


class Answers(torch.nn.Module):
    """The same logits for every image."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x), 10), self.value)


def test_networks_that_have_no_map_are_said(model, x):
    from core.explanations.attack_outside_map import attack_outside

    for value, sentence in ((0.0, "without looking"), (float("nan"), "not finite")):
        broken = dataclasses.replace(model, fast=Answers(value))
        with pytest.raises(InputError, match=sentence):
            manipulate_map(broken, x[:1], "gradient", _corner(), EPSILON)
        with pytest.raises(InputError, match=sentence):
            attack_outside(broken, x[:1], "gradient", EPSILON)


@pytest.mark.parametrize("method", SMOOTHED_METHODS)
def test_a_sharp_softplus_gives_the_map_of_the_real_network(model, x, target, method):
    """As beta grows the copy becomes the network; integrated gradients are taken at the same midpoints here."""
    real = heat_map_of(model.fast, x, target, method)
    if method == "integrated-gradients":
        real = heatmap(x * sum(gradient(model.fast, (k + 0.5) / 8 * x, target)[0] for k in range(8)))
    near, far = (
        smooth_map(smooth_copy(model.fast, beta), x.clone().requires_grad_(), target, method) for beta in (2000.0, 2.0)
    )
    assert (correlation(near, real) > 0.97).all() and (correlation(far, real) < correlation(near, real)).all()
    assert_close(near.abs().sum((1, 2)), torch.ones(2))


@pytest.mark.parametrize("method", SMOOTHED_METHODS)
def test_the_slope_of_a_smooth_map_is_its_finite_difference(zoo_folder, method):
    """In double precision, on a tiny network: what the search climbs is the derivative of the map."""
    tiny = load_zoo_model("fashion-mnist", "standard", zoo_folder)
    smooth = smooth_copy(tiny.plain, 5.0).double()
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(1, 1, 28, 28, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.rand(1, 28, 28, generator=generator, dtype=torch.float64)
    target = torch.tensor([4])

    def value(image: torch.Tensor) -> torch.Tensor:
        return (smooth_map(smooth, image, target, method) * weights).sum()

    (slope,) = torch.autograd.grad(value(x), x)
    direction = torch.rand(x.shape, generator=generator, dtype=torch.float64) - 0.5
    with torch.no_grad():
        ahead, behind = x + 1e-6 * direction, x - 1e-6 * direction
    difference = (value(ahead.requires_grad_()) - value(behind.requires_grad_())) / 2e-6
    assert float((slope * direction).sum().detach()) == pytest.approx(float(difference.detach()), rel=1e-4)


def test_heat_maps_have_one_mass():
    attributions = torch.tensor([[[[1.0, -3.0]], [[0.0, 4.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]]])
    assert_close(heatmap(attributions), torch.tensor([[[1 / 8, 7 / 8]], [[0.0, 0.0]]]))


def test_correlation_is_pearsons():
    generator = torch.Generator().manual_seed(0)
    one, other = torch.rand(2, 3, 5, 6, generator=generator)
    expected = [np.corrcoef(a.flatten(), b.flatten())[0, 1] for a, b in zip(one, other, strict=True)]
    assert_close(correlation(one, other), torch.tensor(expected, dtype=torch.float32))
    assert_close(correlation(one, 3 * one + 1), torch.ones(3))
    assert correlation(one, torch.ones_like(one)).tolist() == [0, 0, 0]


def test_least_quadrants():
    maps = torch.ones(5, 5, 5)
    maps[0, 0, 0] = maps[1, 0, 4] = maps[2, 4, 0] = maps[3, 4, 4] = 0
    maps[0, 2:, :2] = maps[0, :2, 2:] = maps[1, :2, :2] = 2
    chosen = least_quadrants(maps)
    assert chosen[0, :2, :2].all() and chosen[0].sum() == 4  # the smallest quadrant anyway: 2 by 2
    assert chosen[1, :2, 2:].all() and chosen[1].sum() == 6
    assert chosen[4, :2, :2].all() and chosen[4].sum() == 4
    assert (chosen.sum((1, 2)) > 0).all()


def test_what_can_not_be_done_is_said(model, x):
    with pytest.raises(ConfigError, match="epsilon"):
        manipulate_map(model, x[:1], "gradient", _corner(), -0.1)
    with pytest.raises(ConfigError, match="method"):
        manipulate_map(model, x[:1], "lime", _corner(), EPSILON)
    for region in (np.zeros((28, 28), bool), np.ones((28, 28), bool)):
        with pytest.raises(InputError, match="at least one pixel"):
            manipulate_map(model, x[:1], "gradient", region, EPSILON)
    for region in (np.ones((14, 14), bool), np.ones((28, 28), np.float32)):
        with pytest.raises(InputError, match="region"):
            manipulate_map(model, x[:1], "gradient", region, EPSILON)
    with pytest.raises(InputError):
        manipulate_map(model, x[:1] + 1, "gradient", _corner(), EPSILON)
    with pytest.raises(ConfigError, match="beta"):
        smooth_copy(model.fast, 0.0)
    assert check_method("grad-cam") == "grad-cam"


def _corner() -> np.ndarray:
    region = np.zeros((28, 28), bool)
    region[:10, :10] = True
    return region


def _after(calls: int):
    """A flag that goes up once it was asked so often."""
    left = iter([False] * calls)
    return lambda: next(left, True)
