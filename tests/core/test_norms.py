"""Norm balls: sizes, steepest directions, nearest points and uniform draws."""

import pytest
import torch
from torch.testing import assert_close

from core.errors import ConfigError
from core.norms import (
    NORMS,
    check_norm,
    norm_of,
    project,
    radius_words,
    random_in_ball,
    rmse,
    round_towards,
    steepest_ascent_direction,
)

BOTH = pytest.mark.parametrize("norm", NORMS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def delta():
    """Offsets of very different lengths, (7, 2, 3, 3)."""
    scale = torch.tensor([0.0, 1e-3, 0.05, 0.2, 0.5, 1.0, 4.0]).view(-1, 1, 1, 1)
    return torch.randn(7, 2, 3, 3, generator=seeded()) * scale


def test_sizes_of_a_known_offset():
    delta = torch.tensor([[[[3.0, -4.0]]], [[[0.0, 1.0]]]])
    assert_close(norm_of(delta, "l2"), torch.tensor([5.0, 1.0]))
    assert_close(norm_of(delta, "linf"), torch.tensor([4.0, 1.0]))
    assert_close(rmse(delta), torch.tensor([5.0, 1.0]) / 2**0.5)


@BOTH
def test_steepest_has_unit_norm_and_the_largest_rise(norm, delta):
    grad = delta[1:]
    best = steepest_ascent_direction(grad, norm)
    assert_close(norm_of(best, norm), torch.ones(len(grad)))
    rise = (best * grad).flatten(1).sum(1)
    for seed in range(50):
        other = torch.randn(grad.shape, generator=seeded(seed))
        other = other / norm_of(other, norm).view(-1, 1, 1, 1)
        assert ((other * grad).flatten(1).sum(1) <= rise * (1 + 1e-5)).all()


@BOTH
@pytest.mark.parametrize("length", [1e-10, 1e-20, 1e-30, 1e-40])
def test_steepest_has_unit_norm_however_small_the_gradient(norm, length):
    """Squares of entries below 1e-19 are no numbers of float32 any more, and a gradient below 1e-12 is still one."""
    grad = torch.randn(3, 1, 4, 4, generator=seeded()).double().mul(length).float()
    assert_close(norm_of(steepest_ascent_direction(grad, norm), norm), torch.ones(3))


@BOTH
def test_steepest_of_a_zero_gradient_is_zero(norm):
    assert torch.equal(steepest_ascent_direction(torch.zeros(2, 1, 2, 2), norm), torch.zeros(2, 1, 2, 2))


@BOTH
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounding_never_leaves_the_ball(norm, dtype):
    """To the nearest number of bfloat16 it does: by up to 6 % of 8/255."""
    x = torch.rand(50, 3, 8, 8, generator=seeded()).to(dtype)
    epsilon = 8 / 255
    found = x.float() + project(torch.randn(x.shape, generator=seeded(1)), epsilon, norm)
    assert (norm_of(found.to(dtype).float() - x.float(), norm) > epsilon * 1.001).any()
    kept = round_towards(found, x)
    assert kept.dtype == dtype and (norm_of(kept.float() - x.float(), norm) <= epsilon * (1 + 1e-6)).all()
    assert_close(kept.float(), found, rtol=0, atol=2 * torch.finfo(dtype).eps)


@BOTH
def test_projection_lies_inside_keeps_what_is_inside_and_is_idempotent(norm, delta):
    radius = 0.4
    projected = project(delta, radius, norm)
    assert norm_of(projected, norm).max() <= radius * (1 + 1e-6)
    was_inside = norm_of(delta, norm) <= radius
    assert was_inside.any() and not was_inside.all()
    assert torch.equal(projected[was_inside], delta[was_inside])
    assert_close(project(projected, radius, norm), projected)


@BOTH
def test_projection_is_the_nearest_point_of_the_ball(norm, delta):
    """No point drawn in the ball is closer (in L2), and neither is a point between it and the projection."""
    radius = 0.4
    projected = project(delta, radius, norm)
    distance = norm_of(delta - projected, "l2")
    for seed in range(100):
        other = random_in_ball(delta, radius, norm, seeded(seed))
        for share in (1.0, 0.01):
            point = projected + share * (other - projected)
            assert (norm_of(delta - point, "l2") >= distance - 1e-5).all()


@BOTH
def test_projection_takes_a_radius_per_example(norm, delta):
    radii = torch.tensor([0.1, 0.2, 0.01, 0.3, 0.0, 0.5, 1.0])
    together = project(delta, radii, norm)
    for index, radius in enumerate(radii.tolist()):
        assert_close(together[index : index + 1], project(delta[index : index + 1], radius, norm))


@BOTH
def test_random_points_lie_in_the_ball_and_follow_the_seed(norm):
    like = torch.zeros(500, 1, 3, 3)
    points = random_in_ball(like, 0.3, norm, seeded())
    assert norm_of(points, norm).max() <= 0.3 * (1 + 1e-6)
    assert norm_of(points, norm).max() > 0.29
    assert torch.equal(points, random_in_ball(like, 0.3, norm, seeded()))
    assert not torch.equal(points, random_in_ball(like, 0.3, norm, seeded(1)))


def test_l2_radii_are_those_of_a_uniform_draw():
    """A share (r / epsilon)^D of a ball in D dimensions is within r of its centre: that power is uniform on [0, 1]."""
    points = random_in_ball(torch.zeros(20_000, 1, 2, 2), 0.3, "l2", seeded())
    u = (norm_of(points, "l2") / 0.3).pow(4).sort().values
    gap = (u - torch.arange(1, len(u) + 1) / len(u)).abs().max()
    assert gap < 1.63 / len(u) ** 0.5  # Kolmogorov-Smirnov, 1 % level
    assert points.mean(0).abs().max() < 0.005


def test_linf_points_are_uniform_in_the_cube():
    points = random_in_ball(torch.zeros(5_000, 1, 2, 2), 0.3, "linf", seeded())
    u = (points.flatten() / 0.6 + 0.5).sort().values
    gap = (u - torch.arange(1, len(u) + 1) / len(u)).abs().max()
    assert gap < 1.63 / len(u) ** 0.5


def test_an_unknown_norm_is_refused():
    assert check_norm("l2") == "l2"
    with pytest.raises(ConfigError, match="l1"):
        check_norm("l1")


@pytest.mark.parametrize(
    ("norm", "epsilon", "words"),
    [("linf", 8 / 255, "8/255"), ("linf", 0.5 / 255, "0.5/255"), ("linf", 0.25 / 255, "0.25/255"), ("linf", 0, "0/255"),
     ("linf", 0.1, "0.1"), ("linf", 0.05, "0.05"), ("linf", 0.0123, "0.0123"), ("l2", 8 / 255, "0.0313725"),
     ("l2", 0.5, "0.5")],
)  # fmt: skip
def test_a_radius_is_said_in_levels_where_that_is_short(norm, epsilon, words):
    assert radius_words(norm, epsilon) == words
