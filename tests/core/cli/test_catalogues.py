"""The command `list`: it reads the catalogues, so that what joins one is listed."""

import json

import pytest

from core.anomaly import catalogue
from core.cli.catalogues import CATALOGUES
from core.cli.main import main
from core.reports.catalogue import REPORTS, command_of
from core.training.recipes.registry import RECIPES
from tests.helpers.added_recipe import BRIGHTENED_RECIPE


def listed(what, capsys, *more):
    assert main(["list", what, "--json", *more]) == 0
    return {entry["key"]: entry for entry in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize("what", CATALOGUES)
def test_every_catalogue_has_entries_with_a_key(what, capsys):
    assert listed(what, capsys)
    assert main(["list", what]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 2


def test_a_recipe_that_joins_is_listed_with_its_settings(capsys, monkeypatch):
    monkeypatch.setitem(RECIPES, "brightened", BRIGHTENED_RECIPE)
    found = listed("recipes", capsys)["brightened"]
    assert found["settings"] == {"more": 0.1} and "better light" in found["title"]


def test_recipes_are_those_of_the_task(capsys):
    assert "sat-mask" in listed("recipes", capsys, "--task", "pasted")
    assert "sat-mask" not in listed("recipes", capsys, "--task", "cifar10")


def test_the_detector_that_is_taken_by_default_is_marked(capsys):
    found = listed("detectors", capsys)
    assert found.keys() == catalogue.DETECTORS.keys()
    assert "none is named" in found[catalogue.DEFAULT]["title"]


def test_every_report_of_the_catalogue_has_its_command():
    """The catalogue names modules, and imports them only when asked: a wrong name must not wait for a user."""
    for key in REPORTS:
        command = command_of(key)
        assert callable(command.run) and callable(command.recompute)
