"""`robustscope remove`: lists what was fetched or imported, removes what is named, and says where there is none."""

import json
import shutil

import pytest

from core.cli.main import main
from core.models.zoo import ASSETS, user_models
from tests.helpers.published import KEY, NAME


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """Two networks of CIFAR-10 in the user's folder, a published one, and one of which a kill left the weights."""
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path))
    for key in ("mine", "yours"):
        for suffix in (".json", ".safetensors"):
            _put("cifar10", f"{key}{suffix}", (ASSETS / "cifar10" / f"standard{suffix}").read_bytes())
    _put("imagenet", f"{KEY}.json", b"{ damaged")
    _put("imagenet", f"{KEY}.safetensors", bytes(2_000_000))
    _put("imagenet", "half.safetensors", b"123")
    return user_models()


def _put(task, name, data):
    (user_models() / task).mkdir(parents=True, exist_ok=True)
    (user_models() / task / name).write_bytes(data)


def listed(capsys):
    capsys.readouterr()
    assert main(["remove", "--json"]) == 0
    return [(one["task"], one["key"]) for one in json.loads(capsys.readouterr().out)]


def test_all_are_listed_with_their_sizes_and_nothing_is_touched(networks, capsys):
    before = sorted(networks.rglob("*"))
    assert main(["remove"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and sorted(networks.rglob("*")) == before
    assert [line.split()[1] for line in lines[:4]] == ["mine", "yours", "half", KEY] and lines[3].endswith(" 2.0 MB")
    assert lines[4].startswith("4 in ") and str(networks) in lines[4]


def test_the_one_that_is_named_goes_and_the_others_stay(networks, capsys):
    assert main(["remove", "mine"]) == 0 and "removed: cifar10" in capsys.readouterr().out
    assert not [*networks.glob("*/mine.*")] and len([*networks.glob("*/yours.*")]) == 2
    assert listed(capsys) == [("cifar10", "yours"), ("imagenet", "half"), ("imagenet", KEY)]


def test_a_published_name_is_a_key_and_several_go_at_once(networks, capsys):
    assert main(["remove", NAME, "half"]) == 0
    assert listed(capsys) == [("cifar10", "mine"), ("cifar10", "yours")]


def test_what_is_not_there_is_a_sentence_and_removes_nothing(networks, capsys):
    before = sorted(networks.rglob("*"))
    assert main(["remove", "mine", "standard"]) == 2
    said = capsys.readouterr().err
    assert "'standard' is no network that was fetched or imported" in said and "mine" in said and "yours" in said
    shutil.copytree(networks / "cifar10", networks / "svhn")
    assert main(["remove", "mine"]) == 2 and "--task cifar10 or svhn" in capsys.readouterr().err
    assert main(["remove", "mine", "--task", "svhn"]) == 0
    assert sorted(path for path in networks.rglob("*") if path.parent.name != "svhn" and path.name != "svhn") == before


def test_where_there_is_none_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path))
    assert main(["remove"]) == 0 and "no network was fetched or imported" in capsys.readouterr().out
    assert main(["remove", "mine"]) == 2 and "there are: none" in capsys.readouterr().err
