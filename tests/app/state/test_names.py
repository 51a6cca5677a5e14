"""What networks are called and look like on screen: the recipe's entry says it, and nothing beside it."""

from app.state.names import model_name
from app.ui.colours import model_colour
from core.training.recipes.registry import RECIPES
from tests.helpers.added_recipe import BRIGHTENED_RECIPE


def test_a_recipe_that_joins_brings_its_name_and_colour_to_every_page(monkeypatch):
    followed = model_colour("brightened")
    monkeypatch.setitem(RECIPES, "brightened", BRIGHTENED_RECIPE)
    assert model_name("brightened") == "Brightened" and model_name("standard") == "Standard"
    assert model_colour("brightened") == "#123456" != followed


def test_a_network_by_other_settings_a_visitors_own_and_an_unknown_one():
    assert model_name("pgd-l2-large") == "Robust, large L2" and model_name("oneepoch") == "One epoch"
    assert model_name("own-my-best") == "my best" and model_name("nobody") == "nobody"
    assert model_colour("oneepoch") != model_colour("standard")
