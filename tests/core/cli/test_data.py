"""The command `data`."""

import json

from core.cli.main import main


def test_data_list_says_what_is_there(fashion_root, capsys):
    assert main(["data", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["available"]["fashion-mnist"] and not listed["available"]["cifar10"]


def test_data_fetch_without_network_fails_with_a_sentence(tmp_path, monkeypatch, capsys):
    """torchvision's download is left to fail against an address that refuses."""
    from core.torchvision_compat import torchvision

    monkeypatch.setenv("ROBUSTSCOPE_DATA", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    assert main(["data", "fetch", "fashion-mnist"]) == 1
    assert str(tmp_path) in capsys.readouterr().err
