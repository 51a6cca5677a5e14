"""Gradient steps in bfloat16: the direction stays, whatever is judged is in float32, and where it pays."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from core.models.step_precision import quick_precision, stepping, takes_low_steps
from tests.helpers.networks import Functional, seeded
from tests.helpers.pictures import rand

CPU = torch.device("cpu")


def slope(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Of the first logits, along the images."""
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(network(leaf)[:, 0].sum(), leaf)[0]


def test_a_step_has_the_same_direction_and_an_answer_the_same_digits():
    network, x = seeded(Functional("F.relu")), rand(4, 3, 16, 16, seed=1)
    steps = stepping(network, "bfloat16")
    with torch.no_grad():
        assert torch.equal(steps(x), network(x))
    low, whole = slope(steps, x), slope(network, x)
    assert low.dtype == torch.float32 and not torch.equal(low, whole)
    assert cosine_similarity(low.flatten(1), whole.flatten(1)).min() > 0.98
    assert steps(x.clone().requires_grad_()).dtype == torch.float32


def test_weights_are_those_of_the_moment_in_bfloat16_and_the_network_keeps_its_own():
    network, x = seeded(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 5))), rand(2, 3, 8, 8)
    before = copy.deepcopy(network.state_dict())
    steps = stepping(network, "bfloat16")
    slope(steps, x)
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in before.items())
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    assert {weight.dtype for weight in steps.low.parameters()} == {torch.bfloat16}
    with torch.no_grad():
        network[2].weight.zero_()
    assert slope(steps, x).any() and not slope(stepping(network, "bfloat16"), x).any()


def test_float32_depthwise_convolutions_and_float64_stay_as_they_are():
    network, depthwise = seeded(Functional("F.relu")), seeded(nn.Sequential(nn.Conv2d(4, 4, 3, groups=4)))
    assert stepping(network, "float32") is network and stepping(depthwise, "bfloat16") is depthwise
    double = network.double()
    assert stepping(double, "bfloat16") is double


def test_it_is_seen_through_what_wraps_it_that_steps_are_low():
    network = seeded(Functional("F.relu"))
    assert takes_low_steps(nn.Sequential(stepping(network, "bfloat16"))) and not takes_low_steps(network)


@pytest.mark.parametrize("there", ["avx512_bf16", "amx_bf16", "bf16"])
def test_bfloat16_is_for_processors_that_compute_in_it(monkeypatch, there):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {there: True})
    assert quick_precision(CPU) == "bfloat16" and quick_precision(torch.device("cuda")) == "float32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {there: False, "avx2": True})
    assert quick_precision(CPU) == "float32"
