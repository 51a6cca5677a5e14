"""The tiny zoo in place of the one that ships, and a folder of the test's own for what is left to go on from."""

import pytest

from core.cli import folders
from core.models import zoo


@pytest.fixture
def shipped(zoo_folder, monkeypatch):
    """The folder of the tiny zoo, which every command takes for the one that ships."""
    cards, load, write = zoo.cards, zoo.load_zoo_model, zoo.write_card
    monkeypatch.setattr(zoo, "ASSETS", zoo_folder)
    monkeypatch.setattr(zoo, "cards", lambda task, folder=zoo_folder: cards(task, folder))
    monkeypatch.setattr(zoo, "load_zoo_model", lambda task, key, folder=zoo_folder: load(task, key, folder))
    monkeypatch.setattr(zoo, "write_card", lambda card, folder=zoo_folder: write(card, folder))
    return zoo_folder


@pytest.fixture(autouse=True)
def own_runs(tmp_path, monkeypatch):
    """Two tests of one report at once would share its parts, and the first to end would remove them."""
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")
