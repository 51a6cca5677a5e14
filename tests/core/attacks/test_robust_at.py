"""Survival over radii: equal to the plain loop where it must be, and lazy where it may be."""

import pytest
import torch
from torch import nn

from core.attacks.pgd import Pgd
from core.attacks.robust_at import robust_at
from core.errors import ConfigError
from core.models.resnet import PreActResNet, ResNetConfig

EPSILONS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.04)


class Counting(nn.Module):
    """A linear two-class model that knows how many images went through it."""

    def __init__(self):
        super().__init__()
        self.images = 0

    def forward(self, x):
        self.images += len(x)
        score = x.flatten(1).sum(1)
        return torch.stack([score - 2.0, 2.0 - score], 1)  # class 0 while the four pixels sum to more than 2


@pytest.fixture
def net_and_images():
    """A small network, images, and the network's own answers as labels but for three that are wrong."""
    generator = torch.Generator().manual_seed(0)
    model = PreActResNet(ResNetConfig(4, (0.5,), (0.25,), (8, 8), (1, 1)), generator)
    x = torch.rand(24, 1, 12, 12, generator=generator)
    model.train()
    with torch.no_grad():
        model(x)
        labels = model.eval()(x).argmax(1)
    labels[:3] = (labels[:3] + 1) % 4
    return model, x, labels


def test_a_linear_model_falls_exactly_where_its_margin_ends():
    """With four pixels and weights of 1, an image with sum 2 + m falls between epsilon < m / 4 and epsilon > m / 4."""
    margins = torch.tensor([-0.1, 0.1, 0.2, 0.3, 0.5])
    x = ((2.0 + margins) / 4).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    epsilons = (0.01, 0.03, 0.06, 0.1)
    stands = robust_at(
        Counting(), x, torch.zeros(5, dtype=torch.int64), epsilons, Pgd(1.0, steps=5, random_start=False)
    )
    assert torch.equal(stands, margins[:, None] > 4 * torch.tensor(epsilons))
    assert torch.equal(stands.sum(0), torch.tensor([4, 3, 2, 1]))


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_it_agrees_with_the_plain_loop(net_and_images, norm):
    """A plain loop at each radius, made monotone, with every image attacked by itself to its end."""
    model, x, labels = net_and_images
    epsilons = EPSILONS if norm == "linf" else tuple(8 * epsilon for epsilon in EPSILONS)
    attack = Pgd(1.0, norm, 6, random_start=False)
    expected, last = [], []
    stands = torch.ones(len(x), dtype=torch.bool)
    for epsilon in epsilons:
        one = Pgd(epsilon, norm, 6, random_start=False, stop_when_wrong=True)
        found = torch.cat([one(model, x[i : i + 1], labels[i : i + 1]) for i in range(len(x))])
        end = Pgd(epsilon, norm, 6, random_start=False)(model, x, labels)
        with torch.no_grad():
            stands = stands & (model(found).argmax(1) == labels)
            last.append(model(end).argmax(1) == labels)
        expected.append(stands)
    result = robust_at(model, x, labels, epsilons, attack)
    assert torch.equal(result, torch.stack(expected, 1))
    assert not (result & ~torch.stack(last, 1)).any()  # never more lenient than looking at the last iterate
    assert 0 < result[:, -1].sum() < result[:, 0].sum() == len(x) - 3


def test_rows_never_rise_also_with_random_starts_and_the_same_seed_gives_the_same(net_and_images):
    model, x, labels = net_and_images
    attack = Pgd(1.0, steps=2, restarts=2)
    first, again = (robust_at(model, x, labels, EPSILONS, attack, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not (first[:, 1:] & ~first[:, :-1]).any()


def test_what_is_wrong_or_has_fallen_is_attacked_no_more():
    model = Counting()
    x = torch.tensor([0.4, 0.51, 0.9]).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)  # wrong, fragile, far away
    robust_at(model, x, torch.zeros(3, dtype=torch.int64), (0.1, 0.2), Pgd(1.0, steps=4, random_start=False))
    clean, fragile, far = 3, 2, 2 * 5
    # fragile: one pass on the way, one that sees it fall; far: four steps and the check, at each radius
    assert model.images <= clean + fragile + 1 + far
    assert model.images >= clean + far


def test_a_given_step_size_is_kept_and_no_step_size_follows_the_radius():
    x = torch.full((1, 1, 2, 2), 0.75)  # margin 1: falls beyond 0.25
    labels = torch.zeros(1, dtype=torch.int64)
    short = Pgd(1.0, steps=2, step_size=0.01, random_start=False)
    assert robust_at(Counting(), x, labels, (0.4,), short).all()
    assert not robust_at(Counting(), x, labels, (0.4,), Pgd(1.0, steps=2, random_start=False)).any()


@pytest.mark.parametrize("epsilons", [(), (0.1, 0.1), (0.2, 0.1), (-0.1, 0.1)])
def test_radii_must_increase(epsilons):
    with pytest.raises(ConfigError):
        robust_at(Counting(), torch.rand(1, 1, 2, 2), torch.zeros(1, dtype=torch.int64), epsilons, Pgd(1.0))
