"""The cost of a recipe, against one whose extra work is known."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from core.data.tasks import FASHION_MNIST, TINY20
from core.errors import ConfigError
from core.models.resnet import PreActResNet, ResNetConfig
from core.training import loop
from core.training.cost import CostSettings, relative_cost
from core.training.plan import TrainingPlan
from core.training.recipes.base import Batch, Recipe
from core.training.recipes.saliency_perturbation import SaliencyPerturbation
from core.training.recipes.saliency_training import SaliencyTraining
from core.training.recipes.standard import Standard

TINY = ResNetConfig(10, (0.3,), (0.3,), (4, 8), (1, 1))
QUICK = CostSettings(steps=2, rounds=3)


class Clock:
    """A clock that moves a little when it is read, and else only with a nap; a machine's own depends on its load."""

    now = 0.0

    def perf_counter(self) -> float:
        self.now += 0.1
        return self.now


CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class Slow(Recipe):
    """The standard recipe with a nap in each step."""

    nap: float

    def describe(self) -> str:
        return "slow"

    def loss(self, model: PreActResNet, batch: Batch) -> Tensor:
        CLOCK.now += self.nap
        return Standard().loss(model, batch)


def plan(recipe: Recipe, network: ResNetConfig = TINY, task: str = FASHION_MNIST.key) -> TrainingPlan:
    return TrainingPlan(task, "test", recipe, network, epochs=4, batch_size=16, tail=1)


@pytest.mark.slow
def test_a_slower_recipe_costs_more(monkeypatch):
    """A nap that dwarfs the tiny network's steps: the ratio is far above 1, and without it is not."""
    monkeypatch.setattr(loop, "time", CLOCK)
    assert relative_cost(plan(Slow(3.0)), QUICK) > 3
    assert relative_cost(plan(Slow(0.0)), QUICK) == pytest.approx(1)
    assert relative_cost(plan(Standard()), QUICK) == 1


def test_another_activation_belongs_to_the_recipe():
    """So even cross-entropy on clean images is timed, and not taken for the standard."""
    assert relative_cost(plan(Standard(), replace(TINY, activation="hhrelu")), CostSettings(1, 1)) != 1


def test_teacher_and_maps_are_made_up_where_the_recipe_needs_them():
    """Without either the loop would refuse to train."""
    taught = SaliencyTraining(SaliencyPerturbation("gradient-sign", "pgd-linf"))
    assert relative_cost(plan(taught), CostSettings(1, 1)) > 0
    drawn = SaliencyTraining(SaliencyPerturbation("given"))
    colour = ResNetConfig(20, TINY20.mean, TINY20.std, (4, 8), (1, 1))
    assert relative_cost(plan(drawn, colour, TINY20.key), CostSettings(1, 1)) > 0


def test_threads_are_as_before_also_after_an_error():
    threads = torch.get_num_threads()
    with pytest.raises(AttributeError):
        relative_cost(None, CostSettings(1, 1))
    relative_cost(plan(Slow(0.0)), CostSettings(1, 1))
    assert torch.get_num_threads() == threads


def test_no_steps_are_refused():
    with pytest.raises(ConfigError):
        CostSettings(steps=0)
