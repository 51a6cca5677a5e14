"""Visitors' own networks: named safely, kept within bounds, seen by their owner alone."""

import os
import time

import pytest

from app.state import visitors
from app.state.names import model_name
from core.data.tasks import task_named
from core.data.tasks.own import own_task, secret_key, task_path, write_task
from core.errors import ConfigError, InputError


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_VISITORS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "key", "shown"),
    [
        ("Garments, robust", "own-Garments-robust", "Garments robust"),
        ("  Mäntel 2 ", "own-Mäntel-2", "Mäntel 2"),
        ("../../etc/passwd", "own-etc-passwd", "etc passwd"),
        ("<b>x</b>", "own-b-x-b", "b x b"),
        ("x" * 500, "own-" + "x" * 40, "x" * 40),
    ],
)
def test_a_name_becomes_a_key_that_is_safe_in_files_and_links_and_is_shown_as_it_was(name, key, shown):
    assert visitors.own_key(name, ()) == key and model_name(key) == shown


def test_a_taken_name_gets_a_number_whatever_its_case():
    assert visitors.own_key("Net", ["own-net"]) == "own-Net-2"
    assert visitors.own_key("Net", ["own-net", "own-NET-2"]) == "own-Net-3"


@pytest.mark.parametrize("name", ["", "   ", "…", "🙂", "__"])
def test_a_name_without_a_letter_is_refused(name):
    with pytest.raises(ConfigError, match="letter"):
        visitors.own_key(name, ())


def write(visitor: str, key: str, size: int = 10, age: float = 0) -> None:
    folder = visitors.models(visitor) / "cifar10"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{key}.json").write_text("{}")
    (folder / f"{key}.safetensors").write_bytes(b"0" * size)
    then = time.time() - age
    os.utime(visitors.root() / visitor, (then, then))


def test_networks_are_counted_and_a_full_shelf_says_so(monkeypatch):
    monkeypatch.setattr(visitors, "MOST_MODELS", 2)
    write("ann", "own-a")
    visitors.check_room("ann")
    write("ann", "own-b")
    with pytest.raises(InputError, match="remove one"):
        visitors.check_room("ann")
    visitors.remove("ann", "cifar10", "own-a")
    assert visitors.model_keys("ann") == ["own-b"]
    visitors.check_room("ann")


def test_who_stays_away_is_forgotten_unless_they_are_busy(root):
    week = 8 * 24 * 3600
    for visitor, age in (("gone", week), ("busy", week), ("here", 60)):
        write(visitor, "own-a", age=age)
    visitors.tidy({"busy"})
    assert {path.name for path in root.iterdir()} == {"busy", "here"}
    write("here", "own-b", age=week)
    visitors.note_visit("here")
    visitors.tidy(())
    assert {path.name for path in root.iterdir()} == {"here"}


def test_where_all_take_too_much_room_the_longest_away_go_first(root, monkeypatch):
    monkeypatch.setattr(visitors, "MOST_BYTES", 2500)
    for days, visitor in enumerate(("fourth", "third", "second", "first"), start=2):
        write(visitor, "own-a", size=1000, age=24 * 3600 * days)
    visitors.tidy(())
    assert {path.name for path in root.iterdir()} == {"fourth", "third"}


def test_who_was_here_lately_makes_room_for_nobody_and_newcomers_are_refused(root, monkeypatch):
    monkeypatch.setattr(visitors, "MOST_BYTES", 2500)
    for age, visitor in enumerate(("third", "second", "first")):
        write(visitor, "own-a", size=1000, age=3600 * age)
    visitors.tidy(())
    assert {path.name for path in root.iterdir()} == {"third", "second", "first"}
    with pytest.raises(InputError, match="full"):
        visitors.check_room("new")


def test_a_visitors_own_room_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(visitors, "MOST_OWN_BYTES", 2500)
    write("ann", "own-a", size=2000)
    visitors.check_room("ann", size=400)
    visitors.check_room("bob", size=2000)
    with pytest.raises(InputError, match="may take"):
        visitors.check_room("ann", size=600)


def test_outside_of_a_visit_there_is_no_visitor():
    assert visitors.me() is None


def test_a_task_of_a_visitor_is_known_by_its_key_once_they_are_here_and_goes_with_its_last_network(root):
    key = secret_key()
    write_task(own_task(key, "Mine", ("a", "b"), 3, 32), root / "anna")
    for name in ("own-one", "own-two"):
        for suffix in ("json", "safetensors"):
            path = visitors.models("anna") / key / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"0")
    assert list(visitors.tasks("anna")) == [key] and visitors.tasks("berta") == {}
    assert task_named(key).title == "Mine" and visitors.model_keys("anna") == ["own-one", "own-two"]
    visitors.remove("anna", key, "own-one")
    assert key in visitors.tasks("anna")
    visitors.remove("anna", key, "own-two")
    assert visitors.tasks("anna") == {} and not task_path(root / "anna", key).exists()
    with pytest.raises(ConfigError):
        task_named(key)
