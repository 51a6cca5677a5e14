"""Square attack: in its ball, as strong as the exact answer on a linear model, stopped by no hidden gradient."""

import pytest
import torch
from torch import nn

from core.attacks.pgd import Pgd
from core.attacks.square import Square, margins
from core.errors import ConfigError
from core.norms import norm_of
from tests.helpers.linear import Linear, breakable, labelled_batch

batch = pytest.fixture(labelled_batch)


class Rounded(nn.Module):
    """The linear network on images whose values are rounded to 1/64: its answers change, and no gradient says where."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = Linear()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear((x * 64).round() / 64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fell(model, x_adv, labels):
    return model(x_adv).argmax(1) != labels


@pytest.mark.slow
def test_a_linear_model_falls_exactly_where_it_can(batch):
    x, labels = batch
    expected = breakable(Linear(), x, labels, 0.05, "linf")
    assert 0 < expected.sum() < len(x)
    x_adv = Square(0.05, queries=3000)(Linear(), x, labels, seeded())
    assert torch.equal(fell(Linear(), x_adv, labels), expected)
    assert norm_of(x_adv - x, "linf").max() <= 0.05 + 1e-6


@pytest.mark.slow
def test_in_l2_it_breaks_what_can_be_broken_and_nothing_else():
    x = 0.3 + 0.4 * torch.rand(30, 3, 10, 10, generator=seeded(1))
    model = Linear(pixels=300, scale=0.2)
    labels = model(x).argmax(1)
    for epsilon, least in ((0.5, 0.2), (1.0, 0.9)):
        possible = breakable(model, x, labels, epsilon, "l2")
        x_adv = Square(epsilon, "l2", queries=1000)(model, x, labels, seeded())
        found = fell(model, x_adv, labels)
        assert not (found & ~possible).any() and found.sum() >= least * possible.sum() > 0
        assert norm_of(x_adv - x, "l2").max() <= epsilon + 1e-5 and x_adv.min() >= 0 and x_adv.max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.02), ("l2", 0.4)])
def test_it_is_about_as_strong_as_the_authors_code(norm, epsilon):
    library = pytest.importorskip("pyautoattack.square")
    x = 0.3 + 0.4 * torch.rand(60, 3, 15, 15, generator=seeded(1))
    model = nn.Sequential(nn.Flatten(), nn.Linear(675, 40), nn.Tanh(), nn.Linear(40, 6)).requires_grad_(False)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.15, generator=seeded(parameter.numel()))
    labels = model(x).argmax(1)
    name = {"linf": "Linf", "l2": "L2"}[norm]
    with torch.random.fork_rng():
        theirs = library.SquareAttack(model, norm=name, eps=epsilon, n_queries=400, seed=0).perturb(x, labels)
    ours = [fell(model, Square(epsilon, norm, 400)(model, x, labels, seeded(seed)), labels) for seed in range(3)]
    share = float(torch.stack(ours).float().mean())
    difference = share - float(fell(model, theirs, labels).float().mean())
    assert 0.3 < share < 0.9 and -0.05 < difference < 0.15  # theirs never puts a square into the last row or column


def test_it_finds_what_a_hidden_gradient_keeps_from_pgd(batch):
    x, labels = batch
    model = Rounded()
    labels = model(x).argmax(1)
    blind = fell(model, Pgd(0.05, steps=20, random_start=False)(model, x, labels), labels)
    found = fell(model, Square(0.05, queries=1000)(model, x, labels, seeded()), labels)
    assert not blind.any() and found.sum() > 5


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_an_image_fares_alone_as_it_fares_among_others_and_a_seed_decides(norm):
    x, model = torch.rand(5, 3, 9, 9, generator=seeded(2)), Linear(pixels=243, scale=0.3)
    labels = model(x).argmax(1)
    attack = Square(0.02, norm, queries=60)
    together = attack(model, x, labels, seeded())
    assert torch.equal(together, attack(model, x, labels, seeded()))
    assert not torch.equal(together, attack(model, x, labels, seeded(1)))
    torch.testing.assert_close(attack(model, x[3:4], labels[3:4], seeded()), together[3:4])


def test_the_margin_only_falls_with_more_queries():
    x, model = torch.rand(5, 3, 9, 9, generator=seeded(2)), Linear(pixels=243, scale=0.1)
    labels = model(x).argmax(1)
    ends = [
        margins(model(Square(0.005, queries=n, share=1e-9)(model, x, labels, seeded())), labels) for n in (1, 9, 90)
    ]
    assert (ends[1] <= ends[0]).all() and (ends[2] <= ends[1]).all() and (ends[2] < ends[0] - 0.01).any()


def test_images_wrong_already_are_left_alone_and_a_ball_of_nothing_too(batch):
    x, labels = batch
    assert torch.equal(Square(0.05, queries=3)(Linear(), x, (labels + 1) % 5, seeded()), x)
    assert torch.equal(Square(0.0, queries=3)(Linear(), x, labels, seeded()), x)


@pytest.mark.parametrize("wrong", [{"epsilon": -1.0}, {"queries": 0}, {"share": 0.0}, {"norm": "l1"}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError):
        Square(**{"epsilon": 0.1} | wrong)
