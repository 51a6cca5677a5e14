"""Certificates of a linear classifier, whose smoothed form is itself: its margin is known in closed form."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from core.errors import ConfigError, InputError
from core.explanations.certificate import Smoothing, certify
from core.metrics.smoothing import certified_radius
from core.models.zoo import Card, ZooModel


class HalfSpace(nn.Module):
    """Class 3 where w x > b, else class 0; the distance of an image to the boundary is known."""

    def __init__(self, distance: float) -> None:
        super().__init__()
        self.w = torch.randn(784, generator=torch.Generator().manual_seed(0))
        self.w /= self.w.norm()
        self.b = float(self.w.sum() * 0.5) - distance

    def forward(self, x):
        margin = x.flatten(1) @ self.w - self.b
        never = torch.full_like(margin, -1e3)
        return torch.stack([-margin, never, never, margin, *[never] * 6], 1)


GREY = torch.full((1, 1, 28, 28), 0.5)


def half_space(distance):
    net = HalfSpace(distance)
    card = Card("fashion-mnist", "standard", None, "recipe", {}, 0, "command", {}, sha256="0" * 64, parameters=0)
    return ZooModel(card, net, net)


@pytest.mark.parametrize("sigma", [0.25, 0.5])
def test_the_radius_nears_the_true_margin_from_below(sigma):
    """A share Phi(d / sigma) of noisy copies lies on the image's side, so that the theorem's radius is d itself."""
    distance = 0.4
    found = certify(half_space(distance), GREY, Smoothing(sigma, draws=20_000))
    assert found.chosen == 3 and not found.abstains
    assert found.counts[3] / 20_000 == pytest.approx(norm.cdf(distance / sigma), abs=0.01)
    assert 0.9 * distance < found.radius < distance
    assert found.radius == certified_radius(found.share, sigma)


def test_more_draws_prove_more():
    radii = [certify(half_space(2.0), GREY, Smoothing(0.25, draws)).radius for draws in (100, 1000, 10_000)]
    assert radii[0] < radii[1] < radii[2] < 2.0


def test_on_the_boundary_it_abstains_and_certifies_nothing():
    found = certify(half_space(0.0), GREY, Smoothing(0.25, draws=2000))
    assert found.abstains and found.radius == 0.0 and found.counts.sum() == 2000


def test_the_bound_rests_on_other_draws_than_the_choice_and_a_seed_decides():
    told: list[tuple[int, int]] = []
    model = half_space(0.1)
    found = certify(model, GREY, Smoothing(0.25, 250, 50), lambda done, of: told.append((done, of)))
    assert told == [(50, 300), (150, 300), (250, 300), (300, 300)]
    assert found.first_counts.sum() == 50 and found.counts.sum() == 250
    np.testing.assert_array_equal(found.counts, certify(model, GREY, Smoothing(0.25, 250, 50)).counts)
    assert (found.counts != certify(model, GREY, Smoothing(0.25, 250, 50, seed=1)).counts).any()


def test_certificates_are_wrong_at_most_as_often_as_alpha():
    """Of two hundred with alpha 0.1, at most about twenty may lie beyond the true margin."""
    model = half_space(0.2)
    radii = [certify(model, GREY, Smoothing(0.25, 100, 20, alpha=0.1, seed=seed)).radius for seed in range(200)]
    assert np.mean(np.array(radii) > 0.2) < 0.16


def test_impossible_requests_are_refused():
    for wrong in ({"sigma": 0.0}, {"draws": 0}, {"alpha": 1.0}):
        with pytest.raises(ConfigError):
            Smoothing(**{"sigma": 0.25} | wrong)
    with pytest.raises(InputError, match="one float32 image"):
        certify(half_space(0.1), GREY.double(), Smoothing(0.25))
