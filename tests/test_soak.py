"""The soak's pieces, without a server: what goes wrong when, and how what a visitor met is counted."""

from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.load import spells
from benchmarks.load.damage import BUG, HARMS, ROOT, Harm
from benchmarks.load.server import environment_in
from benchmarks.load.soak import first_of_each, outcome_of, tracebacks
from benchmarks.load.spells import ASSETS, DISK, KILLED, SCRATCH, TITLES, Machine, Spell, drawn


def test_a_seed_draws_the_same_spells_again_each_title_once_before_any_comes_twice():
    found = drawn(3, 40, 60, 30)
    assert found == drawn(3, 40, 60, 30) != drawn(4, 40, 60, 30)
    assert {each.title for each in found[: len(TITLES)]} == {each.title for each in found[6:12]} == {*TITLES}
    assert all(first.start + first.seconds + 30 == second.start for first, second in pairwise(found))
    assert found[0].start == 30 and found[-1].start + 60 + 30 <= 40 * 60
    assert all(each.kill for each in found if each.title in (KILLED, ASSETS))
    assert all(each.detail in HARMS for each in found if each.title == ASSETS)


@pytest.mark.parametrize(
    ("fault", "died", "outcome"),
    [
        ("", False, "answer"),
        ("", True, "answer"),
        ("The disk is full; try again later.", False, "sentence"),
        (f"Something happened that we {BUG} (id 3f).", False, "failure"),
        ("OSError", False, "failure"),
        ("The disk is full; ValueError", False, "failure"),
        ("timeout", True, "failure"),
        ("ConnectionClosedError(None, None, None)", True, "cut off"),
        ("ConnectionClosedError(None, None, None)", False, "failure"),
        ("ValueError", True, "failure"),
    ],
)
def test_only_a_sentence_or_a_servers_death_excuses_a_fault(fault, died, outcome):
    assert outcome_of(fault, died) == outcome


def test_a_hang_is_the_machines_where_the_server_had_no_core():
    assert [outcome_of("timeout", False, waited) for waited in (0, 20, 40)] == ["failure", "failure", "starved"]
    assert outcome_of("ValueError", False, 40) == "failure"


def test_tracebacks_are_told_apart_by_their_last_lines_and_numbers_do_not_count():
    one = (
        'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    f()\nOSError: [Errno 28] full: /tmp/{}\n'
    )
    chained = (
        one.format(3) + "\nDuring handling of the above exception, another exception occurred:\n\n" + one.format(4)
    )
    log = "started\n" + one.format(12) + "more\n" + chained + one.replace("OSError: [Errno 28]", "KeyError:").format(1)
    assert sorted(tracebacks(log).values()) == [1, 3] and not tracebacks("Traceback is a word")
    whole = first_of_each(log)
    assert whole.keys() == tracebacks(log).keys() and all(text.count("Traceback") == 1 for text in whole.values())
    assert any("/tmp/12" in text for text in whole.values()) and not any("/tmp/3" in text for text in whole.values())


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Machine:
    """One whose project is a single asset."""
    source = tmp_path / "source"
    (source / "assets").mkdir(parents=True)
    (source / "assets" / "weights").write_text("whole")
    monkeypatch.setattr(spells, "ROOT", source)
    monkeypatch.setattr(spells, "copy_project", lambda root: spells.shutil.copytree(source, root, dirs_exist_ok=True))
    monkeypatch.setitem(HARMS, "weights missing", Harm("", lambda root: (root / "assets" / "weights").unlink()))
    (tmp_path / "machine").mkdir()
    return Machine(tmp_path / "machine")


def test_servers_stand_on_what_other_load_scripts_give_theirs_and_on_no_data_set(machine):
    common = environment_in(machine.disk)
    assert common.items() <= machine.environment().items() and not Path(common["ROBUSTSCOPE_DATA"]).exists()
    assert {Path(common[name]).parent for name in ("ROBUSTSCOPE_VISITORS", "ROBUSTSCOPE_DATA")} == {machine.disk}


def test_what_is_taken_away_is_given_back(machine):
    weights = machine.root / "assets" / "weights"
    for title, detail, holds in (
        (SCRATCH, "", machine.scratch.is_dir),
        (ASSETS, "weights missing", lambda: weights.exists() and weights.read_text() == "whole"),
        (spells.CLOCK, "+1800 s", lambda: (machine.folder / "time").read_text() == "+0"),
    ):
        spell = Spell(title, detail, 0, 1, False)
        machine.harm(spell)
        assert not holds()
        machine.heal(spell)
        assert holds()
    assert [path.name for path in weights.parent.iterdir()] == ["weights"]
    assert ROOT != spells.ROOT and DISK in TITLES
