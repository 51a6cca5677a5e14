"""Looking at an image and attacking it: results that carry what they were made from."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from core.attacks.pgd import Pgd
from core.attacks.square import Square
from core.errors import InputError
from core.explanations.attack_result import attack_result
from core.explanations.prediction import predict


@pytest.fixture
def x():
    return torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_look_matches_finite_differences(model, x):
    seen = predict(model, x)
    double = model.plain.double()
    logit = lambda image: double(image)[0, seen.target]  # noqa: E731 - a name for the formula
    step = 1e-5
    for row, column in ((3, 4), (14, 14), (27, 0)):
        bump = torch.zeros_like(x, dtype=torch.float64)
        bump[0, 0, row, column] = step
        slope = (logit(x.double() + bump) - logit(x.double() - bump)) / (2 * step)
        assert seen.attributions[0, row, column] == pytest.approx(float(slope), rel=1e-2, abs=1e-4)


def test_look_carries_its_input_and_names(model, x):
    seen = predict(model, x)
    assert (seen.task, seen.model) == ("fashion-mnist", "standard")
    assert_close(torch.from_numpy(seen.x), x[0])
    assert seen.probs.sum() == pytest.approx(1.0, abs=1e-5) and seen.probs.argmax() == seen.target
    assert seen.heatmap.shape == (28, 28)


def test_a_search_is_measured_as_an_attack_is_and_says_what_it_was(model, x):
    result = attack_result(model, x, Square(0.1, queries=20))
    assert 0 < result.linf <= 0.1 + 1e-6 and result.settings["queries"] == 20
    np.testing.assert_array_equal(result.x_adv, attack_result(model, x, Square(0.1, queries=20)).x_adv)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_challenge_measures_the_change_itself(model, x, norm):
    result = attack_result(model, x, Pgd(0.1, norm, 5))
    assert getattr(result, norm) == pytest.approx(0.1, rel=0.02)
    assert result.rmse == pytest.approx(result.l2 / 28, rel=1e-4)
    assert result.linf == pytest.approx(float(np.abs(result.delta).max()))
    assert result.probs_adv[result.before] < result.probs[result.before]
    with torch.no_grad():
        again = model.plain(torch.from_numpy(result.x_adv)[None]).softmax(1)[0]
    assert_close(torch.from_numpy(result.probs_adv), again, rtol=1e-3, atol=1e-5)


def test_no_epsilon_no_change(model, x):
    result = attack_result(model, x, Pgd(0.0, "linf", 5))
    assert np.array_equal(result.x_adv, result.x) and result.linf == 0.0 and result.before == result.after


def test_same_seed_same_attack(model, x):
    attack = Pgd(0.05, "linf", 2)
    first, second, other = (attack_result(model, x, attack, seed).x_adv for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    "bad",
    [
        torch.rand(2, 1, 28, 28),
        torch.rand(1, 3, 28, 28),
        torch.rand(1, 1, 28, 28).double(),
        torch.full((1, 1, 28, 28), 1.5),
        torch.full((1, 1, 28, 28), float("nan")),
    ],
)
def test_what_is_no_image_of_the_task_is_refused(model, bad):
    with pytest.raises(InputError):
        predict(model, bad)
    with pytest.raises(InputError):
        attack_result(model, bad, Pgd(0.1))


def test_a_network_that_answers_nan_is_said(model, x):
    broken = torch.nn.Module()
    broken.forward = lambda image: image.flatten(1)[:, :10] * float("nan")
    with pytest.raises(InputError, match="not finite"):
        predict(dataclasses.replace(model, fast=broken), x)
