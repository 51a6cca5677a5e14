"""What a large report's file gives back is what was written, to the bit."""

import json

import pytest

from core.checksums import write_checked
from core.errors import InputError
from core.reports.form import report as form
from core.reports.form.report import Report, read_report, report_path, write_report
from tests.helpers.checked_files import read_json

ROWS = (
    {"model": "standard", "auroc": 0.1 + 0.2, "n": 1, "kept": True, "note": None},
    {"model": "standard", "auroc": -0.0, "n": 1.0, "kept": 1, "note": ""},
    {"model": "standard", "flagged": 5e-324, "against": "ä"},
    {"model": "trades", "auroc": 1 / 3, "n": 1, "kept": False, "note": None},
    {"model": "trades", "auroc": 1 / 3, "n": 1, "kept": False, "note": None},
)


def report(rows):
    return Report("cifar10", "anomaly", {"seed": 0}, {"data": "cifar10 test"}, tuple(rows))


@pytest.mark.parametrize("rows", [(), ROWS[:1], ROWS, ROWS * 40])
def test_rows_come_back_as_they_were_in_order_and_kind(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(form, "MAX_ROWS_BYTES", 0)
    write_report(report(rows), tmp_path / "anomaly.json")
    assert "rows" not in read_json(tmp_path / "anomaly.json")
    assert (
        read_report(tmp_path / "anomaly.json").to_json() == report(rows).to_json()
    )  # the text tells 1 from 1.0 and -0.0


def test_a_small_report_keeps_its_rows_one_by_one(tmp_path):
    write_report(report(ROWS), tmp_path / "anomaly.json")
    assert read_json(tmp_path / "anomaly.json")["rows"] == list(ROWS)


@pytest.mark.parametrize(
    "tables",
    [
        [{"n": [1, 2], "auroc": [0.5]}],
        [{"n": {"values": [1], "at": [0, 1]}}],
        [{"n": {"values": [1]}}],
        [{"n": 1}],
        [[1]],
        3,
    ],
)
def test_tables_that_are_none_are_refused(tmp_path, tables):
    fields = {"task": "cifar10", "report": "anomaly", "settings": {}, "provenance": {}, "tables": tables}
    write_checked(tmp_path / "anomaly.json", json.dumps(fields).encode())
    with pytest.raises(InputError, match="is not a report"):
        read_report(tmp_path / "anomaly.json")


@pytest.mark.parametrize(
    "path", sorted(form.ASSETS.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_what_ships_has_the_form_that_its_size_asks_for(path):
    assert ("tables" in read_json(path)) == (len(read_report(path).to_json()) > form.MAX_ROWS_BYTES)


def test_the_largest_report_takes_a_quarter_of_its_rows():
    path = report_path("cifar10", "anomaly")
    assert path.stat().st_size < len(read_report(path).to_json()) / 4
