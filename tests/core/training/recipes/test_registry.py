"""Every recipe of the registry builds for every task, says what it does, and takes a step."""

import dataclasses
import json
import math

import pytest
import torch

from core.data.tasks import CIFAR10, FASHION_MNIST, TASKS
from core.models.fast import fast_form
from core.models.resnet import PreActResNet, ResNetConfig
from core.training.plan import TrainingPlan
from core.training.recipes.base import Batch
from core.training.recipes.registry import RECIPES, colour_of, entry_of, name_of
from core.training.zoo_plans import SHIPPED

# The keys of the design's contract, without `oneepoch`, which is a schedule.
CONTRACT = {
    *("standard", "pgd-linf", "pgd-l2", "trades", "adversarial", "distilled", "noise", "noise-sign"),
    *("double-backprop", "insensitive", "adversarial-double-backprop", "lipschitz", "lipschitz-all"),
    *("sat-strong-standard", "sat-strong-robust", "sat-pgd", "sat-box", "sat-box-pgd", "sat-mask", "sat-mask-pgd"),
}


def test_the_models_of_the_contract_have_a_recipe():
    assert RECIPES.keys() >= CONTRACT


def test_networks_are_told_apart_by_name_and_a_name_is_short():
    variants = [variant.key for entry in RECIPES.values() for variant in entry.variants]
    names = [name_of(key) for key in (*RECIPES, *variants)]
    assert len({*names}) == len(names) and max(map(len, names)) <= 25 and all(names)
    assert name_of("nobody") is None and entry_of("nobody") is None and colour_of("nobody") is None
    assert entry_of("oneepoch") == RECIPES["standard"]


def network(task, entry) -> ResNetConfig:
    return ResNetConfig(task.classes, task.mean, task.std, (4, 8), (1, 1), entry.activation)


@pytest.mark.parametrize("key", RECIPES)
@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.key)
def test_a_plan_of_it_is_possible_and_its_settings_are_plain(key, task):
    entry = RECIPES[key]
    plan = TrainingPlan(task.key, key, entry.build(task), network(task, entry), epochs=1)
    assert json.loads(json.dumps(plan.settings(), allow_nan=False))["recipe"]["name"] == type(plan.recipe).__name__
    assert entry.title and entry.sentence.endswith(".") and entry.source and "min E[" in plan.recipe.describe()


@pytest.mark.slow
@pytest.mark.parametrize("key", RECIPES)
def test_it_takes_a_step_on_real_networks_in_either_precision(key):
    """The loss is a finite scalar that moves every weight, and leaves the teacher and the batch as they were."""
    entry, generator = RECIPES[key], torch.Generator().manual_seed(0)
    recipe = entry.build(CIFAR10)
    teacher = fast_form(PreActResNet(network(CIFAR10, entry), generator))
    x = torch.rand(8, 3, 16, 16, generator=generator)
    maps = torch.where(x[:, :1] > 0.5, 1.0, -1.0)
    before = x.clone()
    for enabled in (False, True):
        model = PreActResNet(network(CIFAR10, entry), torch.Generator().manual_seed(1)).train()
        batch = Batch(x, torch.arange(8), generator, 3, maps, teacher)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = recipe.loss(model, batch)
        assert loss.shape == () and math.isfinite(loss.item())
        loss.backward()
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())
    assert torch.equal(x, before) and all(parameter.grad is None for parameter in teacher.parameters())


def test_recipes_that_need_something_say_so():
    assert RECIPES["sat-strong-robust"].build(CIFAR10).teacher_key == "pgd-linf"
    assert RECIPES["distilled"].build(CIFAR10).teacher_key == "distilled-teacher"
    needing = {key for key, entry in RECIPES.items() if entry.build(CIFAR10).needs_maps}
    assert needing == {"sat-box", "sat-box-pgd", "sat-mask", "sat-mask-pgd"}
    assert needing == {key for key, entry in RECIPES.items() if entry.annotation is not None}
    taught = {key for key, entry in RECIPES.items() if entry.teacher}
    assert all(RECIPES[key].build(CIFAR10).teacher_key is not None for key in taught) and taught == {"distilled"}


def test_what_ships_follows_the_recipe_of_its_name():
    for (task, key), plan in SHIPPED.items():
        entry = entry_of(key)
        assert type(entry.build(TASKS[task])) is type(plan.recipe)
        assert plan.network.activation == entry.activation
    assert entry_of("somebody-elses") is None


def test_recipes_are_frozen_and_equal_by_value():
    for entry in RECIPES.values():
        recipe = entry.build(FASHION_MNIST)
        assert recipe == entry.build(FASHION_MNIST) and hash(recipe) == hash(entry.build(FASHION_MNIST))
        for name in (field.name for field in dataclasses.fields(recipe)):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(recipe, name, None)
