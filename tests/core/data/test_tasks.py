"""A task is two files and a line in the catalogue: commands and training find it, without a change elsewhere."""

import json

import pytest

from core.cli.main import main
from core.data import datasets
from core.data.galleries import gallery
from core.data.tasks import TASKS
from core.training.jobs.messages import recipes_for
from core.training.zoo_plans import recipe_plan
from tests.helpers.dummy_task import STRIPES

COMMANDS = ("evaluate", "calibrate", "score", "verify", "train", "models", "data fetch")


@pytest.fixture(autouse=True)
def stripes(monkeypatch):
    """The catalogue with one task more."""
    monkeypatch.setitem(TASKS, STRIPES.key, STRIPES)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_offers_it(command, capsys):
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    assert "stripes" in capsys.readouterr().out


def test_it_is_listed_with_its_data(capsys):
    assert main(["list", "tasks"]) == 0 and "stripes" in capsys.readouterr().out
    assert main(["data", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["available"]["stripes"]


def test_its_pictures_come_in_splits_and_stand_in_the_gallery():
    assert {split: len(datasets.load(STRIPES, split)) for split in datasets.SPLITS}["val"] == 20
    assert [key for key in gallery(STRIPES).items if key.startswith("test:")] == [f"test:{index}" for index in range(6)]


def test_every_recipe_that_needs_no_annotation_has_a_plan_for_it():
    keys = recipes_for(STRIPES)
    assert "standard" in keys and not any(key.startswith(("sat-box", "sat-mask")) for key in keys)
    for key in keys:
        assert recipe_plan(STRIPES, key).network.classes == 2


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_what_a_task_names_as_its_reader_is_one(task):
    assert isinstance(datasets.reader_of(task), datasets.Reader)
