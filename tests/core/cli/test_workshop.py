"""The command `workshop rehearse`: a whole session with made-up answers, each counted once."""

import json

import pytest

from core.cli.main import main
from core.workshop import sessions
from core.workshop.sessions import Plan, Session

POLL = Session("poll", "A poll", "", "cifar10", (Plan("poll", (), {"prompt": "Why?", "options": ("a", "b")}),))


@pytest.fixture(autouse=True)
def poll_alone(monkeypatch):
    """A session that needs no network."""
    monkeypatch.setattr(sessions, "SESSIONS", {"poll": POLL})


def test_a_rehearsal_prints_what_the_room_said_and_writes_its_files(capsys, tmp_path):
    files = [tmp_path / "report.html", tmp_path / "answers.csv"]
    line = [
        "workshop",
        "rehearse",
        "--session",
        "poll",
        "--people",
        "13",
        "--html",
        str(files[0]),
        "--csv",
        str(files[1]),
    ]
    assert main(line) == 0
    said = capsys.readouterr().out
    assert "13 people joined" in said and "Most of the room" in said and "made up" in said
    assert len(files[1].read_text().splitlines()) == 14
    assert "Most of the room" in files[0].read_text()


def test_its_json_counts_every_person_once(capsys):
    assert main(["workshop", "rehearse", "--session", "poll", "--people", "5", "--json"]) == 0
    (round_,) = json.loads(capsys.readouterr().out)["rounds"]
    assert sum(share["hits"] for share in round_["shares"]) == 5


@pytest.mark.parametrize("wrong", [["--people", "0"], ["--people", "501"], ["--session", "none"]])
def test_what_can_not_be_played_is_refused_in_a_sentence(wrong, capsys):
    try:
        code = main(["workshop", "rehearse", "--session", "poll", *wrong])
    except SystemExit as error:
        code = error.code
    assert code == 2 and "must be" in capsys.readouterr().err
