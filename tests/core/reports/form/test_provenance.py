"""Every row says which run measured it; nothing is claimed for rows that don't, and uncommitted code is refused."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from core.devices import CPU
from core.errors import ConfigError
from core.reports.accuracy.report import AccuracySettings, accuracy_report
from core.reports.form import parts_cache, provenance
from core.reports.form.measuring import Request
from core.reports.form.parts_cache import PartsCache
from core.reports.form.provenance import BEFORE, Code, Run, in_words, inherited, runs_of
from core.reports.form.report import Report, read_report
from core.reports.form.resume import Measured, ReportDraft
from tests.helpers.networks import bare_model

CODE = provenance.code  # before tests put another in its place
SETTINGS = {"data": "test", "seed": 0}


def as_code(monkeypatch, version, uncommitted=False):
    for module in (provenance, parts_cache):
        monkeypatch.setattr(module, "code", lambda: Code(version, uncommitted))


def written(book):
    rows = book.signed({"model": key, "sha256": book.weights[key]} for key in book.keys)
    made = Measured(Report("fashion-mnist", "some", book.settings, book.provenance(), rows), book.arrays)
    made.write(book.path)
    return made.report


def measured(book, key):
    book.add(bare_model(key), {f"found__{key}": np.zeros(2)}, 2.0, [{"sha256": bare_model(key).card.sha256}])
    return written(book)


def codes(report):
    return {row["model"]: [run.code for run in runs_of(report.provenance, row)] for row in report.rows}


def test_a_later_run_leaves_the_provenance_of_earlier_rows_alone(tmp_path, monkeypatch):
    path = tmp_path / "some.json"
    as_code(monkeypatch, "first")
    before = measured(ReportDraft(path, SETTINGS, [bare_model("one")]), "one")
    as_code(monkeypatch, "second")
    after = measured(ReportDraft(path, SETTINGS, [bare_model("two")]), "two")
    assert codes(after) == {"one": ["first"], "two": ["second"]}
    assert runs_of(after.provenance, after.rows[0]) == runs_of(before.provenance, before.rows[0])
    assert after.provenance["seconds"] == 4.0
    (run,) = runs_of(after.provenance, after.rows[1])
    assert (run.seconds, run.uncommitted) == (2.0, False) and "cores" in run.machine and run.when.endswith("Z")


def test_accuracy_keeps_the_run_of_each_row(tmp_path, monkeypatch, models, data):
    path, few = tmp_path / "accuracy.json", AccuracySettings(images=4, robust_images=2, steps=1, restarts=1)
    as_code(monkeypatch, "first")
    accuracy_report(Request(models[:1], data, few, path=path))
    as_code(monkeypatch, "second")
    report = accuracy_report(Request(models, data, few, path=path))
    assert codes(report) == {models[0].card.key: ["first"], models[1].card.key: ["second"]}
    assert read_report(path) == report


def test_rows_that_carry_none_stay_without_and_are_said_to(tmp_path, monkeypatch):
    path = tmp_path / "some.json"
    old = {"data": "test", "seed": 0, "seconds": 1.0, "code": "old", "when": "2020", "machine": "old"}
    rows = ({"model": "one", "sha256": "a" * 64},)
    Measured(Report("fashion-mnist", "some", SETTINGS, old, rows), {"found__one": np.zeros(2)}).write(path)
    assert in_words(old, rows) == BEFORE
    as_code(monkeypatch, "new")
    report = measured(ReportDraft(path, SETTINGS, [bare_model("two")]), "two")
    assert codes(report) == {"one": [], "two": ["new"]} and "made" not in report.rows[0]
    assert "old" not in json.dumps(report.provenance)
    assert in_words(report.provenance, report.rows).endswith(f"1 of 2 rows {BEFORE}")
    both, one, two = inherited(report, ({"model": ""}, {"model": "two", "against": "one"}, {"model": "two"}))
    assert "made" not in both and "made" not in one and two["made"] == report.rows[1]["made"]


def test_a_row_of_a_pair_names_the_runs_of_all_that_it_rests_on(tmp_path, monkeypatch):
    book = ReportDraft(tmp_path / "some.json", SETTINGS, [bare_model("one"), bare_model("two")])
    for key, version in (("one", "first"), ("two", "second")):
        as_code(monkeypatch, version)
        measured(book, key)
    as_code(monkeypatch, "third")
    book.add_arrays({"right__one__two": np.zeros(1)}, 1.0)
    (row,) = book.signed([{"model": "two"}], lambda row: ["two", "one__two"])
    assert [run.code for run in runs_of(book.provenance(), row)] == ["second", "third"]
    (row,) = book.signed([{"model": "two"}], lambda row: ["two", "two__one"])
    assert "made" not in row


def test_other_weights_take_their_runs_along(tmp_path, monkeypatch):
    path = tmp_path / "some.json"
    as_code(monkeypatch, "first")
    measured(ReportDraft(path, SETTINGS, [bare_model("one")]), "one")
    book = ReportDraft(path, SETTINGS, [bare_model("one", "b")])
    assert not book.made and not book.provenance()["runs"]


def test_a_report_from_uncommitted_code_is_refused_unless_asked_for(tmp_path, monkeypatch, models, data):
    as_code(monkeypatch, "0.1.0 (abc)", uncommitted=True)
    path, few = tmp_path / "some.json", AccuracySettings(images=4, robust_images=2, steps=1, restarts=1)
    with pytest.raises(ConfigError, match="--allow-uncommitted"):
        ReportDraft(path, SETTINGS, [bare_model("one")])
    with pytest.raises(ConfigError, match="--allow-uncommitted"):
        accuracy_report(Request(models, data, few, path=path))
    assert not path.exists()
    ReportDraft(None, SETTINGS, [bare_model("one")])  # nothing is kept
    report = accuracy_report(Request(models, data, few, path=path, allow_uncommitted=True))
    assert all(run.uncommitted for row in report.rows for run in runs_of(report.provenance, row))
    assert "with uncommitted changes" in in_words(report.provenance, report.rows)


def test_parts_of_uncommitted_code_are_not_taken_by_committed_code(tmp_path, monkeypatch):
    as_code(monkeypatch, "x", uncommitted=True)
    PartsCache(tmp_path, {}).get("part", "a", lambda: {"x": np.zeros(1)})
    as_code(monkeypatch, "x")
    assert PartsCache(tmp_path, {}).get("part", "a", lambda: {"x": np.ones(1)})["x"] == 1


def test_the_code_of_this_checkout_names_a_commit():
    try:
        head = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    assert CODE().version.endswith(f"({head.stdout.strip()})")
    run = Run.ended(1.0, CPU)
    assert run.identity == replace(run).identity != replace(run, seconds=2.0).identity and len(run.identity) == 12
