"""JSMA against the definition written slowly: every pair of entries looked at, image by image."""

import itertools

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.attacks import jsma
from core.attacks.jsma import Jsma, best_pairs
from core.errors import ConfigError

SHAPE = (2, 3, 3)
D = 18


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def network(*sizes, seed=1):
    """A perceptron in float64, of one layer (linear) or more, no class much preferred."""
    layers: list[nn.Module] = [nn.Flatten()]
    for index, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.Softplus()] * (index > 0) + [nn.Linear(inputs, outputs)]
    net = nn.Sequential(*layers).double()
    generator = seeded(seed)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    net.requires_grad_(False)
    net[-1].bias.sub_(net(torch.full((1, *SHAPE), 0.5).double())[0])
    return net


@pytest.fixture
def x():
    """Images with entries at both ends of the range."""
    return (torch.rand(9, *SHAPE, generator=seeded(2)) * 1.4 - 0.2).clamp(0, 1).double()


def slow(net, x, target, theta, gamma):
    """The sheet's words for one image: all pairs, one after the other."""
    x = x.clone().flatten()
    for _ in range(int(gamma * D / 2)):
        if net(x.view(1, *SHAPE)).argmax().item() == target:
            break
        jacobian = torch.autograd.functional.jacobian(lambda v: net(v.view(1, *SHAPE))[0], x)
        a, b = jacobian[target], jacobian.sum(0) - jacobian[target]
        sign = 1 if theta > 0 else -1
        free = [i for i in range(D) if (x[i] < 1 if theta > 0 else x[i] > 0)]
        best, pair = 0.0, None
        for p in free:
            for q in free:
                up, down = sign * (a[p] + a[q]), sign * (b[p] + b[q])
                if p < q and up > 0 and down < 0 and -up * down > best:
                    best, pair = -up * down, (p, q)
        if pair is None:
            break
        for i in pair:
            x[i] = min(1.0, max(0.0, x[i] + theta))
    return x.view(SHAPE)


@pytest.mark.slow
@pytest.mark.parametrize("theta", [1.0, 0.3, -1.0, -0.4])
@pytest.mark.parametrize("sizes", [(D, 2), (D, 5), (D, 7, 4)], ids=str)
def test_a_batch_is_what_the_definition_gives_image_by_image(x, sizes, theta):
    net = network(*sizes)
    target = (net(x).argmax(1) + 1) % sizes[-1]
    found = Jsma(theta, 0.8)(net, x, target)
    for index, label in enumerate(target.tolist()):
        assert_close(found[index], slow(net, x[index], label, theta, 0.8), msg=lambda m, i=index: f"image {i}: {m}")
    assert bool((net(found).argmax(1) == target).any()) and bool((found != x).any())


def every_pair(gain, loss):
    """The largest product over all pairs, 0 for none."""
    gains, losses = (each[:, :, None] + each[:, None] for each in (gain, loss))
    score = torch.where((gains > 0) & (losses > 0), gains * losses, 0.0)
    return (score - torch.diag_embed(score.diagonal(0, 1, 2))).flatten(1).amax(1)


@pytest.mark.parametrize("slope", [-0.99, -0.5, 0.0, 0.9])
@pytest.mark.parametrize("chunk", [1, 1000, 2**22])
def test_the_search_among_the_needed_finds_the_best_of_all_pairs(slope, chunk, monkeypatch):
    """Where gain and loss oppose each other many entries are needed; ties and entries kept out are among them."""
    monkeypatch.setattr(jsma, "CHUNK", chunk)
    gain = torch.randn(40, 70, generator=seeded(3)).mul(4).round() / 4 + 0.5
    loss = slope * gain + torch.randn(40, 70, generator=seeded(4)) * (1 - abs(slope)) + 0.2
    loss[:20] = (loss[:20] * 4).round() / 4
    shut = torch.rand(40, 70, generator=seeded(5)) < 0.3
    gain, loss = gain.masked_fill(shut, -torch.inf), loss.masked_fill(shut, -torch.inf)
    pair, found = best_pairs(gain, loss)
    expected = every_pair(gain, loss)
    assert torch.equal(found, expected > 0) and bool(found.any())
    score = gain.gather(1, pair).sum(1) * loss.gather(1, pair).sum(1)
    assert torch.equal(score[found], expected[found])
    assert bool((pair[found][:, 0] != pair[found][:, 1]).all())


def test_no_pair_is_said():
    """One free entry is no pair; nor is a pair whose gain or loss is not above zero."""
    gain = torch.tensor([[1.0, -torch.inf, -torch.inf], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    loss = torch.tensor([[1.0, -torch.inf, -torch.inf], [-1.0, 0.0, -1.0], [1.0, 1.0, 1.0]])
    assert best_pairs(gain, loss)[1].tolist() == [False, False, False]


@pytest.mark.parametrize("gamma", [0.0, 0.05, 0.12, 0.25])
def test_at_most_gamma_of_the_entries_change_and_by_theta(x, gamma):
    net = network(D, 6, seed=3)
    net[1].bias[0] += 50.0  # out of reach for the others
    target = torch.full((9,), 2)
    found = Jsma(gamma=gamma)(net, x, target)
    changed = (found != x).flatten(1).sum(1)
    assert int(changed.max()) == 2 * int(gamma * D / 2)
    assert bool((found[found != x] == 1).all())


def test_what_is_the_target_already_stays_and_success_ends_the_search(x):
    net = network(D, 3)
    target = torch.full((9,), 1)
    there = net(x).argmax(1) == target
    assert bool(there.any()) and not bool(there.all())
    found = Jsma(gamma=1.0)(net, x, target)
    assert torch.equal(found[there], x[there])
    assert bool((net(found)[~there].argmax(1) == target[~there]).any())


def test_a_model_without_gradients_leaves_the_images_as_they_are(x):
    net = network(D, 3)
    net[1].weight.mul_(0)
    assert torch.equal(Jsma()(net, x, torch.full((9,), 1)), x)


def test_an_empty_batch_is_returned():
    assert Jsma()(network(D, 3), torch.zeros(0, *SHAPE).double(), torch.zeros(0, dtype=torch.int64)).shape == (
        0,
        *SHAPE,
    )


@pytest.mark.parametrize("settings", [{"theta": 0.0}, {"theta": 2.0}, {"gamma": -0.1}, {"gamma": 1.1}], ids=str)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Jsma(**settings)
