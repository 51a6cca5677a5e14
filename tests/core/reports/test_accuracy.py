"""The accuracy report counts right, resumes, and notices changed weights."""

import dataclasses
import json

import pytest
import torch

from core.checksums import write_checked
from core.errors import ConfigError, InputError
from core.reports.accuracy.report import AccuracySettings, accuracy_report
from core.reports.form.measuring import Request
from core.reports.form.report import read_report
from tests.helpers.rows import figures

pytestmark = pytest.mark.usefixtures("few_resamples")

SETTINGS = AccuracySettings(images=40, robust_images=20, steps=3, restarts=2)


def test_figures_are_those_of_a_plain_count(models, data):
    report = accuracy_report(Request(models, data, SETTINGS))
    assert [(row["model"], row["norm"]) for row in report.rows] == [
        (key, norm) for key in ("standard", "pgd-linf") for norm in ("linf", "l2")
    ]
    for row, model in zip(report.rows[::2], models, strict=True):
        right = model.plain(data.images(0, 40)).argmax(1) == data.labels[:40]
        assert row["clean"] == int(right.sum()) / 40 and row["clean_n"] == 40
        assert row["clean_low"] <= row["clean"] <= row["clean_high"]
        assert row["robust_n"] == 20 and row["robust"] <= int(right[:20].sum()) / 20


def test_robust_figure_counts_images_that_no_restart_breaks(models, data):
    """Against a slow count: one image and one restart at a time is at least as high as the worst of both restarts."""
    row = accuracy_report(Request(models[:1], data, SETTINGS)).rows[0]
    attack = dataclasses.replace(SETTINGS.attack(row["norm"], row["epsilon"]), restarts=1)
    standing = 0
    for index in range(20):
        x, label = data.images(index, index + 1), data.labels[index : index + 1]
        x_adv = attack(models[0].plain, x, label, torch.Generator().manual_seed(index))
        standing += int((models[0].plain(x).argmax(1) == label) & (models[0].plain(x_adv).argmax(1) == label))
    assert row["robust"] * 20 <= standing + 1


def test_report_resumes_by_model(models, data, tmp_path):
    path = tmp_path / "accuracy.json"
    accuracy_report(Request(models[:1], data, SETTINGS, path=path))
    measured: list[str] = []
    report = accuracy_report(
        Request(models, data, SETTINGS, path=path, on_progress=lambda what, done, of: measured.append(what))
    )
    assert {what.split()[0] for what in measured} == {"pgd-linf"}
    assert len(report.rows) == 4 and read_report(path).rows == report.rows


def test_changed_settings_or_weights_are_measured_again(models, data, tmp_path):
    path = tmp_path / "accuracy.json"
    accuracy_report(Request(models, data, SETTINGS, path=path))
    measured: list[str] = []
    other = dataclasses.replace(models[0], card=dataclasses.replace(models[0].card, sha256="0" * 64))
    accuracy_report(
        Request([other], data, SETTINGS, path=path, on_progress=lambda what, done, of: measured.append(what))
    )
    assert measured
    measured.clear()
    accuracy_report(
        Request(
            models,
            data,
            dataclasses.replace(SETTINGS, seed=1),
            path=path,
            on_progress=lambda what, done, of: measured.append(what),
        )
    )
    assert {what.split()[0] for what in measured} == {"standard", "pgd-linf"}


def test_same_seed_same_report(models, data):
    first, second = (accuracy_report(Request(models, data, SETTINGS)) for _ in range(2))
    assert figures(first.rows) == figures(second.rows)


def test_provenance_says_what_was_run(models, data):
    report = json.loads(accuracy_report(Request(models, data, SETTINGS)).to_json())
    assert report["task"] == "fashion-mnist" and report["report"] == "accuracy"
    assert report["settings"]["steps"] == 3 and report["settings"]["images"] == 40
    assert report["provenance"]["data"] == "fashion-mnist test"
    runs = report["provenance"]["runs"]
    assert {row["made"] for row in report["rows"]} == runs.keys()  # two of the same second and length are one
    assert all(run.keys() == {"code", "uncommitted", "when", "seconds", "machine"} for run in runs.values())


def test_impossible_requests_are_refused(models, data):
    with pytest.raises(ConfigError):
        AccuracySettings(images=0)
    with pytest.raises(InputError, match="at least one image"):
        accuracy_report(Request(models, data.first(0), SETTINGS))
    with pytest.raises(InputError):
        accuracy_report(Request([], data, SETTINGS))


def test_a_file_that_is_no_report_is_refused(tmp_path):
    path = tmp_path / "accuracy.json"
    for text in ("", "[]", '{"rows": 3}', '{"rows": []}'):
        write_checked(path, text.encode())
        with pytest.raises(InputError, match="is not a report"):
            read_report(path)
