"""Directions: the decoder's own, towards classes, decay and noise; several sliders at once."""

import math

import numpy as np
import pytest
import torch

from core.errors import ConfigError, InputError
from core.latent.directions import (
    Direction,
    decay_direction,
    directions,
    moved,
    moved_along,
    noise_direction,
    picture_change,
    towards,
)
from core.latent.noise import decayed, noisy
from tests.helpers.known_autoencoders import Linear, normal

ONE = torch.tensor([1])


def test_the_change_of_a_linear_decoder_is_its_matrix(linear):
    z = normal(1, 12, seed=0)
    torch.testing.assert_close(picture_change(linear, z, ONE), 1.1 * linear.weight.T, atol=1e-5, rtol=1e-4)


def test_principal_directions_are_right_singular_vectors_strongest_first(linear):
    z = normal(1, 12, seed=0)
    found = directions(linear, z, ONE, 5)
    _, s, v = torch.linalg.svd(1.1 * linear.weight)
    for index, each in enumerate(found):
        assert abs(float(v[index] @ torch.from_numpy(each.v))) == pytest.approx(1, abs=1e-3)
        assert each.change == pytest.approx(float(s[index]) / 4, rel=1e-3)  # of 16 pixels
        brighter = linear.decode(z + torch.from_numpy(each.v), ONE) - linear.decode(z, ONE)
        assert brighter.sum() > 0 and each.key == f"principal-{index + 1}" and each.kind == "straight"


def test_a_step_along_the_first_direction_changes_the_picture_more_than_others(curved):
    """Than each of a hundred random ones of the same length, nearby; its size is as stated, near enough."""
    z = normal(1, 6, seed=3)
    first = directions(curved, z, ONE, 1)[0]

    def change(v):
        return float((curved.decode(z + 0.1 * v, ONE) - curved.decode(z, ONE)).square().mean().sqrt())

    others = normal(100, 6, seed=4)
    assert change(torch.from_numpy(first.v)) > max(change(v / v.norm()) for v in others) * 0.95
    assert change(torch.from_numpy(first.v)) == pytest.approx(0.1 * first.change, rel=0.25)


def test_a_step_towards_a_class_changes_the_picture_as_its_label_would(linear):
    """On the linear decoder the other label scales the picture's change: the step is along the code itself."""
    z = normal(1, 12, seed=0)
    up, down = towards(linear, z, ONE, [3, 0])
    along = (z / z.norm())[0].numpy()
    assert up.v @ along > 0.95 and down.v @ along < -0.95
    assert up.explained > 0.98 and down.explained > 0.98 and (up.key, down.key) == ("towards-3", "towards-0")
    assert np.linalg.norm(up.v) == pytest.approx(1, abs=1e-5)
    wanted = (linear.decode(z, torch.tensor([3])) - linear.decode(z, ONE)).flatten()
    with pytest.raises(ConfigError):
        towards(linear, z, ONE, [1])
    got = (linear.decode(z + torch.from_numpy(up.v), ONE) - linear.decode(z, ONE)).flatten()
    assert float(got @ wanted / got.norm() / wanted.norm()) == pytest.approx(up.explained, abs=1e-3)
    assert float(got.square().mean().sqrt()) == pytest.approx(up.change, rel=1e-3)


def test_decay_and_noise_are_those_of_the_noise(linear):
    z = normal(1, 12, seed=0)
    t = torch.tensor([0.0, 0.2929, 1.0])
    codes = decay_direction(12).moved(z.expand(3, -1), t)
    torch.testing.assert_close(codes[0], z[0])
    torch.testing.assert_close(codes[1:2], decayed(z, 1.0), atol=1e-4, rtol=1e-4)
    assert not codes[2].any()
    way = noise_direction(12, torch.Generator().manual_seed(5))
    expected = noisy(z, 0.7, torch.Generator().manual_seed(5))
    torch.testing.assert_close(way.moved(z, torch.tensor([0.7])), expected)
    torch.testing.assert_close(way.moved(z, torch.tensor([0.0])), z)


def test_sliders_add_up_and_one_is_moved_while_others_stay(linear):
    z = normal(1, 12, seed=0)
    ways = (noise_direction(12, torch.Generator().manual_seed(0)), *directions(linear, z, ONE, 2), decay_direction(12))
    at = [0.5, 1.5, -2.0, 0.25]
    xi, one, two = (torch.from_numpy(way.v) for way in ways[:3])
    expected = ((z + 1.5 * one - 2 * two) * 0.75 + 0.5 * xi) / math.sqrt(1.25)
    torch.testing.assert_close(moved(z, ways, at), expected)
    codes = moved_along(z, ways, at, 1, [0.0, 1.5])
    torch.testing.assert_close(codes[1:], expected)
    torch.testing.assert_close(codes[:1], ((z - 2 * two) * 0.75 + 0.5 * xi) / math.sqrt(1.25))
    torch.testing.assert_close(moved(z, (), []), z)
    torch.testing.assert_close(moved(z, ways, [0.0] * 4), z)


def test_impossible_requests_are_refused(linear):
    z = normal(1, 12, seed=0)
    for count in (0, 13):
        with pytest.raises(ConfigError):
            directions(linear, z, ONE, count)
    for codes, labels in ((z[:, :3], ONE), (z.expand(2, -1), torch.tensor([0, 1])), (z, torch.tensor([0, 1]))):
        with pytest.raises(InputError):
            directions(linear, codes, labels, 1)
    way = Direction("decay", "decay", np.zeros(12, np.float32))
    for at in ([], [1.0, 1.0], [math.nan], [math.inf]):
        with pytest.raises(ConfigError):
            moved(z, [way], at)


def test_a_step_towards_a_class_leaves_alone_what_hardly_moves_the_picture():
    """Half of what is wanted would take a thousand deviations of a nearly dead entry: the step is along the other."""
    weight = torch.zeros(16, 2)
    weight[0, 0], weight[1, 1] = 1.0, 1e-3
    (way,) = towards(Linear(weight), torch.tensor([[1.0, 1000.0]]), ONE, [3])
    assert way.v[0] > 0.99 and way.explained == pytest.approx(math.sqrt(0.5), abs=0.01)
