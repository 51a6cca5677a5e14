"""What can be set in a recipe is set where it says, and what can't be is refused with a sentence."""

import pytest

from core.data.tasks import CIFAR10, TASKS, TINY20
from core.errors import ConfigError
from core.training.recipes.registry import RECIPES
from core.training.recipes.settings import changed, settings_of, with_teacher

EVERY = [(task, key) for task in TASKS.values() for key in RECIPES]


@pytest.mark.parametrize(("task", "key"), EVERY, ids=lambda value: getattr(value, "key", value))
def test_setting_every_value_to_itself_changes_nothing(task, key):
    recipe = RECIPES[key].build(task)
    values = {setting.path: setting.value for setting in settings_of(recipe)}
    assert changed(recipe, values) == recipe
    assert all(setting.title and setting.sentence.endswith(".") for setting in settings_of(recipe))


@pytest.mark.parametrize("key", [key for key in RECIPES if key != "standard"])
def test_every_recipe_but_the_plain_one_has_something_to_set_that_its_formula_shows(key):
    """A number nobody sees in the formula would be a setting without a meaning."""
    recipe = RECIPES[key].build(TINY20)
    seen = []
    for setting in settings_of(recipe):
        value = setting.value + 1 if isinstance(setting.value, int) else setting.value
        value = 0.37 * value if isinstance(value, float) else value
        if setting.options:
            value = next(option for option in setting.options if option != setting.value)
        if "temperature" in setting.path:
            value = 20.0
        seen.append(changed(recipe, {setting.path: value}).describe() != recipe.describe())
    assert any(seen)


def test_noise_alone_has_no_pace_of_maps_to_set():
    paced = {
        key: [setting.path for setting in settings_of(RECIPES[key].build(CIFAR10)) if "alpha" in setting.path]
        for key in ("noise-sign", "sat-strong-robust")
    }
    assert paced == {"noise-sign": [], "sat-strong-robust": ["perturbation.alpha"]}


def test_a_value_lands_at_its_path_and_nowhere_else():
    recipe = changed(RECIPES["sat-pgd"].build(CIFAR10), {"attack.steps": 3, "perturbation.alpha": 0.5})
    values = {setting.path: setting.value for setting in settings_of(recipe)}
    assert values["attack.steps"] == 3 and values["perturbation.alpha"] == 0.5
    assert values["perturbation.epsilon"] == pytest.approx(8 / 255) == values["attack.epsilon"]


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("pgd-linf", {"attack.epsilon": -0.1}),
        ("pgd-linf", {"attack.epsilon": float("nan")}),
        ("pgd-linf", {"attack.steps": 0}),
        ("pgd-linf", {"attack.steps": 10**9}),
        ("pgd-linf", {"attack.steps": 2.5}),
        ("pgd-linf", {"attack.step_size": 0.0}),
        ("pgd-linf", {"attack.norm": "l1"}),
        ("pgd-linf", {"attack": 1.0}),
        ("trades", {"beta": -1.0}),
        ("trades", {"beta": "six"}),
        ("sat-strong-robust", {"perturbation.maps": "none"}),
        ("sat-strong-robust", {"perturbation.alpha": 1.5}),
        ("distilled", {"temperature": 0.5}),
        ("standard", {"weight": 1.0}),
    ],
)
def test_an_impossible_setting_is_refused(key, changes):
    with pytest.raises(ConfigError):
        changed(RECIPES[key].build(CIFAR10), changes)


def test_only_a_recipe_that_learns_from_a_network_takes_a_teacher():
    assert with_teacher(RECIPES["distilled"].build(CIFAR10), "mine").teacher_key == "mine"
    assert with_teacher(RECIPES["sat-pgd"].build(CIFAR10), "mine").teacher_key == "mine"
    assert with_teacher(RECIPES["noise-sign"].build(CIFAR10), "mine").teacher_key is None
