"""What speaks for a drawn class, on networks that draw, that agree with nobody, and that cannot be attacked."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import ConfigError, InputError
from core.explanations.class_evidence import Measures, Thresholds, evidence, judges_of, measures
from core.models.zoo import Card, ZooModel

HALF = Thresholds(0.5, 0.5, 0.5)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Templates(nn.Module):
    """Logits linear in the image: the product with a picture of each class."""

    def __init__(self, pictures: torch.Tensor) -> None:
        super().__init__()
        self.pictures = pictures / pictures.flatten(1).norm(dim=1)[:, None, None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 5 * x.flatten(1) @ self.pictures.flatten(1).T


def blobs() -> torch.Tensor:
    """Ten smooth pictures: waves of at most two periods."""
    down, across = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    periods = ((0, 1), (1, 0), (1, 1), (2, 0), (0, 2))
    angles = [2 * math.pi * (a * down + b * across) / 28 for a, b in periods]
    return torch.stack([torch.cos(angle + shift) for angle in angles for shift in (0, 1.5)])


class Phases(nn.Module):
    """Every pixel on a steep wave of its own, so that a little noise turns its slope round."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = 2 * math.pi * torch.rand(10, 784, generator=torch.Generator().manual_seed(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(1000 * x.flatten(1)[:, None, :] + self.phase).sum(2) / 50


class Fixed(nn.Module):
    """The same probabilities for every image."""

    def __init__(self, probs: list[float]) -> None:
        super().__init__()
        self.logits = torch.tensor(probs).log()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits + 0 * x.flatten(1)[:, :1]


def zoo_model(key: str, network: nn.Module, digest: str = "") -> ZooModel:
    card = Card("fashion-mnist", key, None, "recipe", {}, 0, "command", {}, sha256=digest or key, parameters=0)
    return ZooModel(card, network, network)


@pytest.fixture
def x():
    return 0.5 + 0.05 * random(3, 1, 28, 28, seed=1).clamp(-3, 3)


SMOOTH = zoo_model("pgd-l2", Templates(blobs()))
ROUGH = zoo_model("standard", Templates(random(10, 28, 28)))
JUDGE = zoo_model("pgd-linf", Templates(blobs()))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_smooth_classes_that_a_judge_shares_are_drawn(x, precision):
    found = evidence(SMOOTH, [JUDGE], x[:1], 0.1, HALF, precision=precision)
    assert found.settings["precision"] == precision
    assert found.transfer > 0.7 and found.low_frequency > 0.95 and found.agreement > 0.95
    assert found.draws and found.sentence == "this network's attacks draw the class"


def test_rough_classes_that_no_judge_shares_are_noise(x):
    found = evidence(ROUGH, [JUDGE], x[:1], 0.1, HALF)
    assert found.transfer < 0.3 and found.low_frequency < 0.15
    assert found.agreement > 0.95  # one vote: a linear network has one direction
    assert not found.draws and found.sentence == "this network's attacks look like noise"


def test_agreement_falls_where_the_start_decides(x):
    model = zoo_model("standard", Phases())
    found = measures(model, [JUDGE], x, 0.1)
    assert (np.abs(found.agreement) < 0.3).all()


def test_transfer_is_the_mean_probability_of_the_classes_explained(x):
    """The two likeliest classes but the predicted one, averaged over judges."""
    probs, other = np.arange(1, 11) / 55, np.full(10, 0.1)
    with torch.no_grad():
        explained = SMOOTH.fast(x).argsort(dim=1, descending=True)[:, 1:3].numpy()
    judges = [zoo_model("standard", Fixed(probs.tolist())), zoo_model("pgd-linf", Fixed(other.tolist()))]
    found = measures(SMOOTH, judges, x, 0.1)
    np.testing.assert_allclose(found.transfer, (probs[explained].mean(1) + 0.1) / 2, rtol=1e-5)


class Fickle(Fixed):
    """Of another mind on the second half of what it is shown."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        second = torch.arange(len(x)) >= len(x) // 2
        return super().forward(x) + second[:, None] * torch.arange(10.0)


def test_transfer_is_the_mean_over_both_starts(x):
    judge = Fickle([0.1] * 10)
    with torch.no_grad():
        explained = SMOOTH.fast(x).argsort(dim=1, descending=True)[:, 1:3]
        second = torch.arange(10.0).softmax(0)[explained].mean(1).numpy()
    np.testing.assert_allclose(
        measures(SMOOTH, [zoo_model("standard", judge)], x, 0.1).transfer, (0.1 + second) / 2, 1e-5
    )


class Onlooker(Fixed):
    """Remembers the range of what it was shown."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = (float(x.min()), float(x.max()))
        return super().forward(x)


def test_judges_see_the_picture_clipped(x):
    onlooker = Onlooker([0.1] * 10)
    measures(SMOOTH, [zoo_model("standard", onlooker)], x, 0.5)
    assert onlooker.seen == (0.0, 1.0)


def test_an_image_gets_the_same_figures_alone_and_the_seed_decides_the_starts(x):
    together = measures(SMOOTH, [JUDGE], x, 0.1, seed=1)
    alone = evidence(SMOOTH, [JUDGE], x[2:], 0.1, HALF, seed=1)
    other = measures(SMOOTH, [JUDGE], x, 0.1, seed=2)
    for name in ("transfer", "low_frequency", "agreement"):
        assert getattr(alone, name) == pytest.approx(getattr(together, name)[2], abs=1e-5)
    assert abs(other.low_frequency[2] - together.low_frequency[2]) > 1e-7


def test_the_judges_are_fixed_whatever_the_zoo(x):
    stranger, twin = zoo_model("oneepoch", Phases()), zoo_model("pgd-l2", Phases(), "other weights")
    assert judges_of(SMOOTH, [stranger, JUDGE, SMOOTH, ROUGH]) == [ROUGH, JUDGE]
    assert judges_of(twin, [JUDGE, SMOOTH, ROUGH]) == [ROUGH, JUDGE, SMOOTH]  # another network of that name is judged
    whole = evidence(SMOOTH, [stranger, JUDGE, SMOOTH, ROUGH], x[:1], 0.1, HALF)
    assert whole == evidence(SMOOTH, [ROUGH, JUDGE], x[:1], 0.1, HALF)
    assert whole.settings["judges"] == "standard,pgd-linf"
    with pytest.raises(InputError, match="judged by other networks"):
        evidence(SMOOTH, [stranger, SMOOTH], x[:1], 0.1, HALF)


def test_two_of_three_measures_decide():
    found = Measures(np.array([0.5, 0.5, 0.4, 0.4, np.nan]), np.array([0.6, 0.1, 0.6, 0.1, np.nan]), np.full(5, 0.5))
    assert found.draws(HALF).tolist() == [True, True, True, False, False]
    assert found.draws(Thresholds(0.5, 0.5, 0.51)).tolist() == [True, False, False, False, False]


def test_a_network_without_gradients_is_said(x):
    flat = zoo_model("standard", Fixed([0.1] * 10))
    found = measures(flat, [JUDGE], x, 0.1)
    assert all(np.isnan(getattr(found, name)).all() for name in ("transfer", "low_frequency", "agreement"))
    with pytest.raises(InputError, match="no gradient"):
        evidence(flat, [JUDGE], x[:1], 0.1, HALF)


class Nan(Templates):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * float("nan")


def test_impossible_requests_are_refused(x):
    with pytest.raises(ConfigError, match="rho"):
        evidence(SMOOTH, [JUDGE], x[:1], 0.0, HALF)
    with pytest.raises(InputError, match="one class only"):
        evidence(zoo_model("standard", Fixed([1.0])), [JUDGE], x[:1], 0.1, HALF)
    with pytest.raises(InputError, match="not finite"):
        evidence(zoo_model("standard", Nan(blobs())), [JUDGE], x[:1], 0.1, HALF)
    with pytest.raises(InputError, match="not finite"):
        evidence(SMOOTH, [zoo_model("standard", Nan(blobs()))], x[:1], 0.1, HALF)
    with pytest.raises(InputError, match="shape"):
        evidence(SMOOTH, [JUDGE], x, 0.1, HALF)
