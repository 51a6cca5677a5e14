"""Strips, ribbons, neighbours and arcs: what classifiers say of codes side by side."""

import math

import numpy as np
import pytest
import torch

from core.errors import ConfigError, InputError
from core.latent.directions import RANGES, decay_direction, directions, moved
from core.latent.noise import scaled_norm
from core.latent.ribbons import POSITIONS, places, ribbon
from core.latent.strips import arc, class_row, decode_row, interpolation, neighbours
from core.norms import rmse
from tests.helpers.known_autoencoders import normal, planes

ONE = torch.tensor([1])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_ribbon_turns_where_a_linear_classifier_does(linear):
    """With two classes it changes its answer once, between the two places around the boundary's position."""
    net, z = planes(2), normal(1, 12, seed=0)
    way = directions(linear, z, ONE, 1)[0]
    made = ribbon(linear, [net, net], z, ONE, [way], [3.0], 0)
    lead = net(linear.decode(torch.cat([z, z + torch.from_numpy(way.v)]), ONE.expand(2)))
    lead = lead[:, 1] - lead[:, 0]
    crossing = float(lead[0] / (lead[0] - lead[1]))
    assert -4 < crossing < 4
    rising = float(lead[1] - lead[0]) > 0
    expected = np.array([(t > crossing) == rising for t in made.positions])
    assert np.array_equal(made.predicted[0], expected) and np.array_equal(made.predicted[0], made.predicted[1])
    assert made.probs.shape == (2, POSITIONS, 2) and made.positions.tolist() == places(way)
    np.testing.assert_allclose(made.latent, np.abs(made.positions) / math.sqrt(12), atol=1e-5)
    np.testing.assert_allclose(made.image, np.abs(made.positions) * way.change, rtol=1e-3, atol=1e-6)


def test_a_ribbon_moves_one_slider_and_leaves_the_others(curved, classifier):
    z = normal(1, 6, seed=0)
    ways = (*directions(curved, z, ONE, 2), decay_direction(6))
    at = [1.0, -0.5, 0.25]
    here = moved(z, ways, at)
    answer = classifier(curved.decode(here, ONE)).softmax(1)
    for which, way in enumerate(ways):
        made = ribbon(curved, [classifier], z, ONE, ways, at, which)
        assert len(made.positions) == POSITIONS and (np.diff(made.positions) > 0).all()
        assert (made.positions[0], made.positions[-1]) == RANGES[way.kind]
        nearest = int(np.abs(made.positions - at[which]).argmin())
        assert made.positions[nearest] == at[which]  # places fall on quarters
        np.testing.assert_allclose(made.z[nearest], here[0], atol=1e-5)
        np.testing.assert_allclose(made.probs[0, nearest], answer[0], atol=1e-5)
        np.testing.assert_allclose(made.latent, scaled_norm(torch.from_numpy(made.z) - z), atol=1e-6)


def test_alone_each_code_gets_the_answer_that_it_has_alone(linear):
    """Of a classifier whose last digit, as any network's, depends on how many are asked about at once."""
    net, z, labels = planes(2), normal(3, 12, seed=0), ONE.expand(3)
    rounded = lambda x: net(x) + torch.tensor([1e-3, 0.0]) * (len(x) > 1)  # noqa: E731
    alone = decode_row(linear, [rounded, net], z, labels, [0.0, 1.0, 2.0], z[:1], alone=True)
    together = decode_row(linear, [net, rounded], z, labels, [0.0, 1.0, 2.0], z[:1])
    np.testing.assert_allclose(alone.probs[0], together.probs[0], atol=1e-6)
    np.testing.assert_allclose(alone.probs[1], together.probs[0], atol=1e-6)
    assert np.abs(together.probs[1] - together.probs[0]).max() > 1e-5
    for name in ("positions", "labels", "z", "x", "latent", "image"):
        np.testing.assert_allclose(getattr(alone, name), getattr(together, name), atol=1e-6)


def test_neighbours_are_of_the_prior_and_as_far_as_their_noise(linear):
    net = planes(3)
    z = normal(1, 12, seed=0)
    made = neighbours(linear, [net], z, ONE, 0.5, 2000, generator())
    assert scaled_norm(torch.from_numpy(made.z)).square().mean() == pytest.approx(
        float(scaled_norm(z)) ** 2 / 1.25 + 0.2, rel=0.03
    )
    np.testing.assert_allclose(made.latent, scaled_norm(torch.from_numpy(made.z) - z), atol=1e-6)
    x = linear.decode(torch.from_numpy(made.z), ONE.expand(2000))
    np.testing.assert_allclose(made.image, rmse(x - linear.decode(z, ONE)), atol=1e-5)
    assert np.array_equal(made.predicted[0], net(x).argmax(1))
    again = neighbours(linear, [net], z, ONE, 0.5, 3, generator())
    assert np.array_equal(again.z, neighbours(linear, [net], z, ONE, 0.5, 3, generator()).z)
    none = neighbours(linear, [net], z, ONE, 0.0, 2, generator())
    assert not none.latent.any() and none.positions.tolist() == [1, 2]


def test_a_code_under_each_label_is_as_far_as_the_pictures_are(linear):
    z = normal(1, 12, seed=0)
    made = class_row(linear, [planes(3)], z, ONE, 3)
    assert made.labels.tolist() == [0, 1, 2] == made.positions.tolist() and not made.latent.any()
    change = float(rmse(0.1 * (linear.weight @ z[0])[None]))
    np.testing.assert_allclose(made.image, [change, 0, change], atol=1e-6)


def test_an_arc_keeps_the_length_where_a_chord_is_short():
    ends = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    codes = arc(ends, [0.0, 0.5, 1.0])
    torch.testing.assert_close(codes, torch.tensor([[2.0, 0.0], [math.sqrt(2), math.sqrt(2)], [0.0, 2.0]]))
    quarter = arc(torch.tensor([[1.0, 0.0], [0.0, 3.0]]), [1 / 3])
    torch.testing.assert_close(quarter, 5 / 3 * torch.tensor([[math.cos(math.pi / 6), math.sin(math.pi / 6)]]))
    for other in (torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.zeros(2, 2)):
        torch.testing.assert_close(arc(other, [0.5]), other.mean(0, keepdim=True))


def test_between_two_classes_the_label_changes_halfway(linear):
    ends = normal(2, 12, seed=0)
    made = interpolation(linear, [planes(3)], ends, torch.tensor([2, 0]), [0.0, 0.49, 0.5, 1.0])
    assert made.labels.tolist() == [2, 2, 0, 0] and max(made.latent[0], made.image[0]) < 1e-6
    np.testing.assert_allclose(made.x[3], linear.decode(ends[1:], torch.tensor([0]))[0], atol=1e-6)
    np.testing.assert_allclose(made.z[[0, 3]], ends, atol=1e-6)


def test_impossible_requests_are_refused(linear):
    net, z = planes(3), normal(2, 12, seed=0)
    with pytest.raises(InputError):
        decode_row(linear, [net], z, ONE, [0.0, 1.0], z[:1])
    with pytest.raises(InputError):
        decode_row(linear, [net], z[:0], ONE[:0], [], z[:1])
    with pytest.raises(InputError):
        decode_row(linear, [net], z * torch.nan, torch.tensor([0, 1]), [0.0, 1.0], z[:1])
    with pytest.raises(InputError):
        arc(z[:1], [0.5])
    for position in (-0.1, 1.1, math.nan):
        with pytest.raises(ConfigError):
            arc(z, [position])
    with pytest.raises(ConfigError):
        neighbours(linear, [net], z[:1], ONE, 0.5, 0, generator())
    with pytest.raises(ConfigError):
        neighbours(linear, [net], z[:1], ONE, -0.5, 1, generator())
