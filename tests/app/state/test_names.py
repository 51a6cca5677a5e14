"""What networks are called on screen: the recipe's entry says it, and nothing beside it."""

from dataclasses import replace

from app.state.names import model_name
from core.training.recipes import registry


def test_a_recipe_that_is_added_brings_its_name_to_every_page(monkeypatch):
    entry = replace(registry.RECIPES["standard"], name="Dummy")
    monkeypatch.setattr(registry, "RECIPES", {**registry.RECIPES, "dummy": entry})
    assert model_name("dummy") == "Dummy" and model_name("standard") == "Standard"


def test_a_network_by_other_settings_a_visitors_own_and_an_unknown_one():
    assert model_name("pgd-l2-large") == "Robust, large L2" and model_name("oneepoch") == "One epoch"
    assert model_name("own-my-best") == "my best" and model_name("nobody") == "nobody"
