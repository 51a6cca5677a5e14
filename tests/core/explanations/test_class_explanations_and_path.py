"""Explanations of all classes at once, and their course, on networks where the answer is known and on tiny ones."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.attacks.scheduled import explanation
from core.data.tasks import FASHION_MNIST
from core.errors import ConfigError, InputError
from core.explanations import class_explanations
from core.explanations.attack_path import path
from core.explanations.class_explanations import explain
from core.models.zoo import Card, ZooModel


class Linear(nn.Module):
    """Logits linear in the image, each class with a direction of its own."""

    def __init__(self, scale: float = 0.01) -> None:
        super().__init__()
        self.weight = scale * torch.randn(10, 784, generator=torch.Generator().manual_seed(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight.T


def zoo_model(network: nn.Module, key: str = "standard") -> ZooModel:
    card = Card("fashion-mnist", key, None, "recipe", {}, 0, "command", {}, sha256="0" * 64, parameters=0)
    return ZooModel(card, network, network)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.vdot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.fixture
def x():
    return torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def test_a_flat_linear_network_gets_the_direction_of_each_class(x):
    """Where probabilities hardly move, the loss falls along `w_k - mean of w`, and all steps go that way."""
    network = Linear(1e-4)
    found = explain(zoo_model(network), x, 0.1)
    exact = (network.weight - network.weight.mean(0)).numpy()
    for k in range(10):
        assert cosine(found.delta[k], exact[k]) > 0.999
    assert cosine(found.x_away - found.x, exact[found.predicted]) < -0.999


def test_one_batch_is_what_single_attacks_give(x):
    """On a smooth network: at a kink of another, rounding alone can send a path elsewhere."""
    model = zoo_model(Linear())
    found = explain(model, x, 0.1)
    attack = explanation(0.1)
    with torch.no_grad():
        predicted = model.fast(x).argmax(1)
    for k in range(10):
        alone = x + attack(model.fast, x, torch.tensor([k])).delta
        assert_close(torch.from_numpy(found.x_adv[k]), alone[0], rtol=0, atol=1e-5)
    away = x + dataclasses.replace(attack, encourage=False)(model.fast, x, predicted).delta
    assert_close(torch.from_numpy(found.x_away), away[0], rtol=0, atol=1e-5)


def test_of_many_classes_the_likeliest_are_explained_as_they_are_among_all(x, monkeypatch):
    model = zoo_model(Linear())
    every = explain(model, x, 0.05, steps=3)
    monkeypatch.setattr(class_explanations, "FEW", 9)
    some = explain(model, x, 0.05, steps=3)
    assert every.classes.tolist() == [*range(10)]
    assert some.classes.tolist() == every.probs.argsort()[::-1][: class_explanations.LIKELIEST].tolist()
    assert_close(some.x_adv, every.x_adv[some.classes])
    assert_close(some.probs_shown, every.probs_shown[some.classes])
    assert_close(some.x_away, every.x_away)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_without_the_change_away_the_others_are_the_same_for_one_image_less_a_pass(model, x, precision, monkeypatch):
    counts = []
    asked = type(model.fast).forward
    monkeypatch.setattr(type(model.fast), "forward", lambda self, x: counts.append(len(x)) or asked(self, x))
    every = explain(model, x, 0.1, precision=precision)
    most, counts[:] = max(counts), []
    some = explain(model, x, 0.1, precision=precision, away=False)
    assert (most, max(counts)) == (11, 10) and some.x_away is None and some.probs_away is None
    for name in ("x", "probs", "x_adv", "probs_adv", "probs_shown", "classes"):
        assert np.array_equal(getattr(some, name), getattr(every, name)), name


def test_figures_are_those_of_the_images(model, x):
    found = explain(model, x, 0.2)
    with torch.no_grad():
        for name, images in (
            ("probs", found.x[None]),
            ("probs_adv", found.x_adv),
            ("probs_shown", found.x_adv.clip(0, 1)),
            ("probs_away", found.x_away[None]),
        ):
            expected = model.plain(torch.from_numpy(images)).softmax(1)
            got = torch.from_numpy(getattr(found, name)).view_as(expected)
            assert_close(got, expected, rtol=1e-3, atol=1e-5)
    assert found.x_adv.min() < 0 and found.x_adv.max() > 1  # not clipped
    assert not np.allclose(found.probs_shown, found.probs_adv, atol=1e-4)
    assert found.predicted == found.probs.argmax() != found.strongest_other
    assert found.probs[found.strongest_other] == np.sort(found.probs)[-2]
    np.testing.assert_allclose(found.rmse, [np.sqrt(np.mean((image - found.x) ** 2)) for image in found.x_adv], 1e-4)
    assert (found.task, found.model, found.settings["rho"]) == ("fashion-mnist", "standard", 0.2)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_each_class_gains_within_about_rho_and_the_prediction_loses(model, x, precision):
    found = explain(model, x, 0.1, precision=precision)
    assert (found.probs_adv.diagonal() > found.probs).all()
    assert found.probs_away[found.predicted] < found.probs[found.predicted]
    np.testing.assert_allclose(found.rmse, 0.1, rtol=0.15)


def test_steps_in_bfloat16_go_another_way_and_what_they_found_is_judged_in_float32(model, x):
    found, course = explain(model, x, 0.1, precision="bfloat16"), path(model, x, 3, 0.1, precision="bfloat16")
    assert not np.array_equal(found.x_adv, explain(model, x, 0.1).x_adv) and found.settings["precision"] == "bfloat16"
    np.testing.assert_allclose(course.frames[-1], found.x_adv[3], atol=1e-6)
    with torch.no_grad():
        assert_close(torch.from_numpy(found.probs_adv), model.fast(torch.from_numpy(found.x_adv)).softmax(1))
        assert_close(torch.from_numpy(course.probs), model.fast(torch.from_numpy(course.frames)).softmax(1))


def test_no_budget_no_change(model, x):
    found = explain(model, x, 0.0)
    assert np.array_equal(found.x_adv, np.broadcast_to(found.x, found.x_adv.shape))
    assert np.array_equal(found.x_away, found.x) and not found.rmse.any()
    course = path(model, x, 3, 0.0)
    assert np.array_equal(course.frames, np.broadcast_to(found.x, course.frames.shape))


def test_the_path_is_the_course_of_the_explanation(x):
    model = zoo_model(Linear())
    found, course = explain(model, x, 0.1), path(model, x, 3, 0.1)
    assert len(course.frames) == len(course.loss) == len(course.rmse) == len(course.probs) == 36
    assert np.array_equal(course.frames[0], course.x) and course.rmse[0] == 0
    np.testing.assert_allclose(course.frames[-1], found.x_adv[3], atol=1e-5)
    np.testing.assert_allclose(course.loss, -np.log(course.probs[:, 3]), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(course.rmse, np.sqrt(np.mean((course.frames - course.x) ** 2, (1, 2, 3))), atol=1e-6)
    with torch.no_grad():
        expected = model.plain(torch.from_numpy(course.frames)).softmax(1)
    assert_close(torch.from_numpy(course.probs), expected, rtol=1e-3, atol=1e-5)
    lengths = np.sqrt(np.mean(np.diff(course.frames, axis=0) ** 2, (1, 2, 3)))
    np.testing.assert_allclose(lengths, 0.5 * np.arange(35, 0, -1) / 630, rtol=1e-3)


def test_a_path_away_lowers_the_class(model, x):
    towards, away = path(model, x, 3, 0.1), path(model, x, 3, 0.1, away=True)
    assert towards.probs[-1, 3] > towards.probs[0, 3] > away.probs[-1, 3]
    assert away.away and away.target == 3


def test_progress_is_said_and_may_end_the_work(model, x):
    said: list[tuple[int, int]] = []
    explain(model, x, 0.1, steps=4, on_progress=lambda done, of: said.append((done, of)))
    assert said == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]

    def stop(done: int, of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(model, x, 0.1, on_progress=stop)


class Flat(Linear):
    """The same answer for every image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(0 * x)


def test_a_network_without_gradients_leaves_the_image(x):
    found = explain(zoo_model(Flat()), x, 0.1)
    assert not found.delta.any() and not found.rmse.any()
    assert np.array_equal(found.x_away, found.x)
    assert not path(zoo_model(Flat()), x, 3, 0.1).rmse.any()


class Single(Linear):
    """One class only."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[:, :1]


def test_a_task_of_one_class_leaves_the_image(x):
    found = explain(zoo_model(Single()), x, 0.1)
    assert found.x_adv.shape[0] == 1 and found.predicted == found.strongest_other == 0
    assert not found.delta.any() and found.probs_adv.tolist() == [[1.0]]


class Breaks(Linear):
    """Sound on the image, not a number once it is changed."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) / (x.amin((1, 2, 3)) >= 0)[:, None]


class Broken(Linear):
    """Never a number."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * float("nan")


@pytest.mark.parametrize("network", [Breaks(), Broken()], ids=["at a changed image", "always"])
def test_logits_that_are_not_finite_are_said(network, x):
    with pytest.raises(InputError, match="not finite"):
        explain(zoo_model(network), x, 0.3)
    with pytest.raises(InputError, match="not finite"):
        path(zoo_model(network), x, 3, 0.3)


def test_impossible_requests_are_refused(model, x):
    with pytest.raises(ConfigError, match="epsilon"):
        explain(model, x, -0.1)
    with pytest.raises(ConfigError, match="steps"):
        path(model, x, 3, 0.1, steps=0)
    for target in (-1, FASHION_MNIST.classes):
        with pytest.raises(ConfigError, match=r"0\.\.9"):
            path(model, x, target, 0.1)
    with pytest.raises(InputError):
        explain(model, x.expand(2, -1, -1, -1), 0.1)
    with pytest.raises(InputError):
        path(model, x * 2, 3, 0.1)


def test_shared_weights_stay_as_they_are(model, x):
    before = {name: value.clone() for name, value in model.fast.state_dict().items()}
    explain(model, x, 0.1, steps=3)
    path(model, x, 3, 0.1, steps=3)
    assert all(torch.equal(before[name], value) for name, value in model.fast.state_dict().items())
    assert all(parameter.grad is None for parameter in model.fast.parameters())
