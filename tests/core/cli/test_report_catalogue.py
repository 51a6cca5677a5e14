"""What a report costs: its folder and one line of the catalogue; every command that names reports then has it."""

import json
import sys

import pytest

from core.cli.main import main
from core.reports.catalogue import REPORTS, ReportEntry
from core.reports.form import report as form
from core.reports.form.report import read_report

DUMMY = '''
"""How bright the images are that each network is shown."""

from dataclasses import asdict, dataclass

from core.reports.form.command import Answer, Command
from core.reports.form.measuring import Measurer, Measuring, Request
from core.reports.form.report import mean, read_report
from core.reports.form.resume import Measured
from core.reports.form.settings import ReportSettings, sized
from core.reports.form.verification import from_rows


@dataclass(frozen=True, slots=True)
class BrightnessSettings(ReportSettings):
    images: int = 8


def brightness_report(request):
    stated = asdict(request.settings) | {"data": request.data.origin}
    bench = Measurer(request, stated, batch=4)

    def measure(model):
        found, seconds = bench.over(model, "brightness", request.settings.images, brightness)
        return {f"brightness__{model.card.key}": found["brightness"]}, seconds, ()

    def brightness(start, stop):
        return {"brightness": request.data.images(start, stop).mean((1, 2, 3)).numpy()}

    def result(draft):
        rows = [
            {"model": key, "sha256": draft.weights[key], **mean("brightness", draft.arrays[f"brightness__{key}"])}
            for key in draft.keys
        ]
        return Measured(draft.report(request.task.key, "brightness", draft.signed(rows)), dict(draft.arrays))

    return Measuring(request, request.draft(stated), result).networks(measure)


def run(request):
    report = brightness_report(request).report
    return Answer(report, tuple(f"{row['model']} {row['brightness']:.3f}" for row in report.rows))


def recompute(sample):
    (row, *_) = read_report(sample.path).rows
    again = brightness_report(Request([sample.network(row)], sample.data, BrightnessSettings(sample.count(8))))
    return from_rows("brightness", "brightness", row, again.report.rows[0])


COMMAND = Command(sized(BrightnessSettings, "images"), run, recompute)
'''


@pytest.fixture
def brightness(tmp_path, monkeypatch):
    """The folder and the line; nothing else is touched."""
    folder = tmp_path / "brightness_report"
    folder.mkdir()
    (folder / "__init__.py").write_text(DUMMY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(REPORTS, "brightness", ReportEntry("How bright the images are", "brightness_report"))
    yield
    sys.modules.pop("brightness_report", None)


@pytest.mark.usefixtures("brightness", "shipped", "fashion_root")
def test_a_report_that_joins_is_found_by_every_command_that_names_reports(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(form, "report_path", lambda task, name: tmp_path / "reports" / task / f"{name}.json")
    monkeypatch.setattr("core.cli.folders.RUNS", tmp_path / "runs")
    assert main(["list", "reports"]) == 0
    assert "How bright the images are" in capsys.readouterr().out
    for command in ("evaluate", "verify"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert "brightness" in capsys.readouterr().out
    path = tmp_path / "reports" / "fashion-mnist" / "brightness.json"
    made = ["evaluate", "--task", "fashion-mnist", "--report", "brightness", "--out", str(path), "--allow-uncommitted"]
    assert main(made) == 0
    said = capsys.readouterr().out
    assert "standard 0." in said and "pgd-linf 0." in said
    report, before = read_report(path), path.read_bytes()
    assert len(report.rows) == 2 and report.settings == {"images": 8, "seed": 0, "data": "fashion-mnist test"}
    assert main(made) == 0 and path.read_bytes() == before  # resumed
    capsys.readouterr()
    assert main(["verify", "--task", "fashion-mnist", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["report"] == "brightness" and found["agrees"]
