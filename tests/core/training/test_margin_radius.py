"""Radii that follow margins: on a linear network every margin is known, and so is the course of every radius."""

import dataclasses

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from core.attacks.pgd import Pgd
from core.errors import ConfigError
from core.norms import size
from core.training.margin_radius import RADII, MarginRadius

ACROSS = torch.tensor([0.5, 0.5, -0.5, -0.5])  # of length 1, from the second class to the first
MARGINS = torch.tensor([-0.1, 0.051, 0.131, 0.6])  # of the first class; the first image is wrong
PLACES = torch.tensor([7, 2, 5, 0])
RECIPE = MarginRadius(Pgd(0.4, "l2", 2, 0.25, random_start=False), first=0.1, change=0.02, least=0.02, clean_below=0.05)


@pytest.fixture
def two(linear):
    """A linear network of two classes whose boundary goes through grey."""
    return type(linear)(torch.stack([ACROSS, -ACROSS]))


@pytest.fixture
def known(batch):
    """Four of ten training images, with the margins `MARGINS`."""
    x = (0.5 + MARGINS[:, None] * ACROSS).view(4, 1, 2, 2)
    labels = torch.zeros(4, dtype=torch.int64)
    return dataclasses.replace(batch, x=x, labels=labels, state=RECIPE.fresh_state(10), indices=PLACES)


def test_a_radius_grows_while_the_network_is_right_at_it_and_shrinks_beyond(two, known):
    """Also where it is still right at the drawn share of the radius; within the bounds, and of no other image."""
    expected = [0.1] * 4
    for _ in range(25):
        RECIPE.loss(two, known)
        steps = [0.02 if r < m else -0.02 for r, m in zip(expected, MARGINS.tolist(), strict=True)]
        expected = [min(max(r + step, 0.02), 0.4) for r, step in zip(expected, steps, strict=True)]
        assert_close(known.state[RADII][PLACES], torch.tensor(expected))
    assert expected[0] == 0.02 and expected[3] == 0.4
    assert torch.equal(known.state[RADII][[1, 3, 4, 6, 8, 9]], torch.full((6,), 0.1))


def test_images_are_attacked_at_their_radius_and_clean_where_it_is_small(two, known):
    radii = torch.tensor([0.02, 0.04, 0.2, 0.3])
    known.state[RADII][PLACES] = radii
    moved = torch.tensor([0.0, 0.0, 0.2, 0.3])[:, None] * ACROSS
    expected = cross_entropy(two(known.x - moved.view_as(known.x)), known.labels)
    assert_close(dataclasses.replace(RECIPE, least_share=1.0).loss(two, known), expected)


def test_shares_of_the_radius_fill_their_range_evenly(two, known):
    lengths = []

    class Seen(Pgd):
        """PGD that notes how far it went."""

        def __call__(self, *arguments):
            x_adv = Pgd.__call__(self, *arguments)
            lengths.append(size(x_adv - 0.5, "l2"))
            return x_adv

    grey, labels = torch.full((500, 1, 2, 2), 0.5), torch.zeros(500, dtype=torch.int64)
    recipe = dataclasses.replace(RECIPE, attack=Seen(0.4, "l2", 2, 0.25, random_start=False))
    state = recipe.fresh_state(500)
    recipe.loss(two, dataclasses.replace(known, x=grey, labels=labels, state=state, indices=torch.arange(500)))
    shares = (lengths[0] / 0.1).sort().values
    assert (shares - torch.linspace(0.7, 1, 500)).abs().max() < 0.3 * 0.08  # Kolmogorov-Smirnov, p below 0.005


def test_without_the_places_of_the_images_it_refuses(two, known):
    with pytest.raises(ConfigError, match="which image"):
        RECIPE.loss(two, dataclasses.replace(known, indices=None))


@pytest.mark.parametrize(
    "bad",
    [
        {"attack": Pgd(0.0, "l2")},
        {"first": 0.5},
        {"least": 0.0},
        {"least": 0.2},
        {"change": 0.0},
        {"change": 0.5},
        {"clean_below": -0.1},
        {"least_share": 0.0},
        {"least_share": 1.1},
        {"attack": Pgd(0.4, "l2", targeted=True)},
    ],
)
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ConfigError):
        dataclasses.replace(RECIPE, **bad)
