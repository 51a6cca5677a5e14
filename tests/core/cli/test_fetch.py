"""`robustscope fetch`: lists, fetches, and says in a sentence what went wrong."""

import json

import pytest

from core.cli.main import main
from core.models.published import catalogue
from core.models.zoo import user_models
from tests.helpers.file_server import serving
from tests.helpers.published import KEY, NAME, tiny_published

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_reader")]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server with one published network, which is all that there is."""
    monkeypatch.setenv("ROBUSTSCOPE_USER", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as there:
        known = {NAME: tiny_published(there)}
        monkeypatch.setattr(catalogue, "published_networks", lambda: known)
        yield there


def test_a_network_is_listed_fetched_tried_and_found(server, capsys):
    assert main(["fetch", "--list", "someone"]) == 0
    assert f"{NAME}  52.5 % clean, 25.3 % under AutoAttack, L-infinity 4/255; MIT" in capsys.readouterr().out
    assert main(["fetch", NAME, "--dry-run"]) == 0
    assert "nothing was kept" in capsys.readouterr().out and not user_models().exists()
    assert main(["fetch", "tiny.someone2020-linf-4"]) == 0
    said = capsys.readouterr().out
    assert "licence: MIT" in said and "published: 52.5 % clean" in said and "Coffee cup" in said and "kept: " in said
    assert main(["models", "--task", "imagenet"]) == 0 and KEY in capsys.readouterr().out
    assert main(["fetch", NAME]) == 2 and "is here already" in capsys.readouterr().err


def test_json_and_what_went_wrong(server, capsys):
    assert main(["fetch", "--list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["licence"]) == (NAME, "MIT")
    assert main(["fetch"]) == 2 and "robustscope fetch --list resnet" in capsys.readouterr().err
    assert main(["fetch", "--list", "nothing"]) == 2 and "has nothing in its name" in capsys.readouterr().err
    server.files.clear()
    assert main(["fetch", NAME]) == 1 and "answers 404" in capsys.readouterr().err


def test_an_interruption_keeps_nothing_and_says_so(server, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("core.models.published.fetch.download", interrupt)
    assert main(["fetch", NAME]) == 130
    assert "interrupted; nothing was kept" in capsys.readouterr().err and not user_models().exists()
