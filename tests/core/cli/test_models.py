"""The command `models`."""

import json

from core.cli.main import main


def test_models_lists_cards(shipped, capsys):
    assert main(["models", "--task", "fashion-mnist"]) == 0
    assert "not measured yet" in capsys.readouterr().out
    assert main(["models", "--task", "fashion-mnist", "--json"]) == 0
    assert [card["key"] for card in json.loads(capsys.readouterr().out)] == ["standard", "pgd-linf"]
