"""The command `evaluate`: what it writes, prints and refuses."""

import json
from dataclasses import replace
from functools import partial

import pytest

from core import devices
from core.cli import folders
from core.cli.main import main
from core.models import zoo
from core.reports.adversarial.measurements import AdversarialSettings
from core.reports.commands import adversarial
from core.reports.form import provenance
from core.reports.form import report as form
from core.reports.form.provenance import Code
from core.reports.form.settings import sized
from tests.helpers.other_device import other_device


def test_evaluate_prints_and_writes_and_fills_the_cards(shipped, fashion_root, tmp_path, capsys):
    out = tmp_path / "report.json"
    base = ["evaluate", "--task", "fashion-mnist", "--robust-images", "4", "--out", str(out)]
    assert main([*base, "--update-cards", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text())["rows"] == report["rows"]
    card = zoo.cards("fashion-mnist", shipped)["standard"]
    assert [row["norm"] for row in card.figures] == ["linf", "l2"]
    assert card.figures[0]["clean"] == report["rows"][0]["clean"]
    assert card.measured["settings"]["steps"] == 50
    assert main([*base, "--models", "standard"]) == 0
    assert "clean" in capsys.readouterr().out


def test_cards_keep_the_run_that_measured_them(shipped, fashion_root, tmp_path, monkeypatch):
    """Not that of the network which was measured last."""
    out = tmp_path / "report.json"
    options = ["--task", "fashion-mnist", "--robust-images", "4", "--out", str(out), "--update-cards", "--json"]
    for key in ("standard", "pgd-linf"):
        monkeypatch.setattr(provenance, "code", lambda version=key: Code(version, uncommitted=False))
        assert main(["evaluate", *options, "--models", key]) == 0
    for key, card in zoo.cards("fashion-mnist", shipped).items():
        assert [run["code"] for run in card.measured["provenance"]["runs"].values()] == [key]
    card = zoo.cards("fashion-mnist", shipped)["standard"]
    zoo.write_card(replace(card, measured={"settings": {}, "provenance": {"code": "older"}}), shipped)
    assert main(["evaluate", *options, "--models", "pgd-linf"]) == 0
    assert zoo.cards("fashion-mnist", shipped)["standard"].measured["provenance"] == {"code": "older"}


def test_evaluate_refuses_uncommitted_code_unless_asked(shipped, fashion_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(provenance, "code", lambda: Code("0.1.0 (abc)", uncommitted=True))
    out = tmp_path / "report.json"
    command = ["evaluate", "--task", "fashion-mnist", "--robust-images", "4", "--models", "standard", "--out", str(out)]
    assert main(command) == 2
    assert "--allow-uncommitted" in capsys.readouterr().err and not out.exists()
    assert main([*command, "--allow-uncommitted"]) == 0
    assert all(run["uncommitted"] for run in json.loads(out.read_text())["provenance"]["runs"].values())


@pytest.mark.slow
def test_evaluate_writes_the_robustness_report_its_arrays_and_its_claims(
    shipped, fashion_root, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("pyautoattack")
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")
    out = tmp_path / "out" / "robustness.json"
    command = ["evaluate", "--task", "fashion-mnist", "--report", "robustness", "--images", "4", "--out", str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "standard" in printed and "APGD" in printed
    assert {path.name for path in out.parent.iterdir()} == {"robustness.json", "robustness.npz", "orderings.json"}
    assert list((tmp_path / "runs" / "reports" / "fashion-mnist").rglob("*.npz"))
    rows = json.loads(out.read_text())["rows"]
    assert {row["pgd_n"] for row in rows} == {4} and rows[0]["clean_n"] == 4
    assert json.loads(out.with_name("orderings.json").read_text())["report"] == "orderings"


@pytest.mark.slow
def test_evaluate_writes_the_adversarial_report_and_its_arrays(
    shipped, fashion_root, tmp_path, monkeypatch, capsys, few_resamples
):
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")
    short = AdversarialSettings(opening=2, steps=3, clamped_steps=3, clamped_finer=2)
    settings = sized(partial(replace, short), "images", "more_images")
    monkeypatch.setattr(adversarial, "COMMAND", replace(adversarial.COMMAND, settings=settings))
    command = ["evaluate", "--task", "fashion-mnist", "--report", "adversarial"]
    monkeypatch.setattr(form, "report_path", lambda task, name: tmp_path / task / f"{name}.json")
    assert main([*command, "--models", "standard"]) == 0
    printed = capsys.readouterr().out
    assert "standard" in printed and "ARA" in printed and "adversarial.json" in printed
    kept = tmp_path / "fashion-mnist" / "adversarial.json"
    assert json.loads(kept.read_text())["rows"][0]["ara_n"] == 60 and kept.with_suffix(".npz").exists()
    assert main([*command, "--images", "5"]) == 0  # other than what ships: nothing is kept
    assert "report:" not in capsys.readouterr().out and json.loads(kept.read_text())["rows"][0]["ara_n"] == 60


def test_robustness_takes_no_settings_of_the_other_report(shipped, fashion_root, capsys):
    command = ["evaluate", "--task", "fashion-mnist", "--report", "robustness"]
    for extra in (["--update-cards"], ["--robust-images", "3"]):
        assert main([*command, *extra]) == 2
        assert "accuracy" in capsys.readouterr().err


def test_evaluate_takes_weights_and_a_folder_from_outside(shipped, tmp_path, capsys):
    from PIL import Image

    for name in ("bag", "coat"):
        (tmp_path / "own" / name).mkdir(parents=True)
        Image.new("L", (50, 60), 120).save(tmp_path / "own" / name / "a.png")
    weights = shipped / "fashion-mnist" / "pgd-linf.safetensors"
    command = [
        "evaluate",
        "--task",
        "fashion-mnist",
        "--weights",
        str(weights),
        "--data",
        str(tmp_path / "own"),
        "--json",
    ]
    assert main(command) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["model"] == "pgd-linf" and rows[0]["clean_n"] == 2


def test_evaluate_refuses_weights_of_another_task(shipped, capsys):
    weights = shipped / "fashion-mnist" / "pgd-linf.safetensors"
    assert main(["evaluate", "--task", "cifar10", "--weights", str(weights)]) == 2
    assert "fashion-mnist" in capsys.readouterr().err


def test_unknown_model_is_said(shipped, fashion_root, capsys):
    assert main(["evaluate", "--task", "fashion-mnist", "--models", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_options_belong_to_their_reports(capsys):
    asked = ["evaluate", "--task", "fashion-mnist", "--report", "transfer"]
    for option in (["--generator", "x"], ["--update-cards"], ["--robust-images", "5"]):
        assert main([*asked, *option]) == 2
        assert option[0] in capsys.readouterr().err


@pytest.mark.slow
def test_what_is_evaluated_on_another_device_is_the_same_and_says_where(
    shipped, fashion_root, tmp_path, monkeypatch, capsys
):
    options = ["evaluate", "--task", "fashion-mnist", "--models", "standard", "--robust-images", "2", "--json"]
    assert main([*options, "--out", str(tmp_path / "here.json"), "--device", "cpu"]) == 0
    here = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")  # no parts of the first
    with other_device() as device:
        monkeypatch.setattr(devices, "choose_device", lambda name: device)
        assert main([*options, "--out", str(tmp_path / "there.json")]) == 0
    there = json.loads(capsys.readouterr().out)
    figures = [
        {name: value for name, value in row.items() if name != "made"} for row in (here["rows"][0], there["rows"][0])
    ]
    assert figures[0] == figures[1]
    runs = [[*report["provenance"]["runs"].values()] for report in (here, there)]
    assert "CPU" in runs[0][0]["machine"] and "GPU (lazy)" in runs[1][0]["machine"]


@pytest.mark.parametrize("name", ["quantum", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(shipped, fashion_root, tmp_path, capsys, name):
    out = tmp_path / "report.json"
    assert (
        main(["evaluate", "--task", "fashion-mnist", "--models", "standard", "--out", str(out), "--device", name]) == 2
    )
    assert name in capsys.readouterr().err and not out.exists()
