"""The report on anomaly detectors: figures are those of the scores, disjoint images, resumed, other networks kept."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from core.anomaly.screen import DETECTORS, PERCEPTRON, Screen
from core.attacks.ddn import Ddn
from core.data import outliers
from core.data.outliers import Outliers
from core.errors import ConfigError, InputError
from core.metrics.detection import aupr, auroc, fpr95
from core.metrics.intervals import bootstrap
from core.reports import anomaly
from core.reports.anomaly import ATTACKS, NAME, AnomalySettings, _attacked, _figures, anomaly_report, read_anomaly
from core.reports.catalogue import REPORTS
from core.reports.report import report_path
from tests.core.anomaly.conftest import calibration, network, pictures, screen  # noqa: F401 - fixtures

SETTINGS = AnomalySettings(images=64, outliers=12, attacked=64, corrupted=10, trained=40)


@pytest.fixture
def small(monkeypatch, fashion_root):
    """Two far sets and a control, one corruption, few steps and resamples."""
    sets = (Outliers("noise", "", "far"), Outliers("solid", "", "far"), Outliers("resized", "", "control"))
    monkeypatch.setitem(outliers.OUTLIERS, "fashion-mnist", sets)
    monkeypatch.setattr(anomaly, "CORRUPTIONS", ("contrast",))
    monkeypatch.setattr(anomaly, "SEVERITIES", (1, 5))
    monkeypatch.setattr(anomaly, "RESAMPLES", 30)
    monkeypatch.setattr(anomaly, "ATTACKS", ("fgsm", "pgd", "ddn"))
    monkeypatch.setattr(anomaly, "_STEPS", 4)
    monkeypatch.setattr(anomaly, "FEWEST", 3)
    monkeypatch.setattr(anomaly, "Ddn", partial(Ddn, 20))


@pytest.fixture(scope="module")
def data():
    return pictures(64, 3)


def test_figures_are_those_of_the_scores_and_intervals_those_of_the_bootstrap():
    rng = np.random.default_rng(1)
    normal, odd = rng.normal(size=300).round(1), rng.normal(1, 1, 200).round(1)  # rounded, so that there are ties
    row = _figures(normal, odd)
    for name, measure in (("auroc", auroc), ("aupr", aupr), ("fpr95", fpr95)):
        assert row[name] == measure(normal, odd) and row[f"{name}_n"] == 200
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    drawn = rng.permuted(np.arange(300))
    both = lambda index: auroc(normal[drawn[index[:, 0].astype(int)]], odd[index[:, 1].astype(int) % 200])  # noqa: E731
    low, high = bootstrap(np.stack([np.arange(300), np.arange(300)], 1), both, resamples=300)
    assert abs(row["auroc_low"] - low) < 0.02 and abs(row["auroc_high"] - high) < 0.02


def test_resamples_are_scored_as_the_metrics_would(monkeypatch):
    rng = np.random.default_rng(1)
    normal, odd = rng.normal(size=40).round(1), rng.normal(1, 1, 30).round(1)
    monkeypatch.setattr(anomaly, "RESAMPLES", 5)
    found = anomaly._resampled(normal, odd)
    again = np.random.default_rng(0)
    for draw in range(5):
        sides = [side[again.integers(0, len(side), len(side))] for side in (normal, odd)]
        for name, measure in (("auroc", auroc), ("aupr", aupr), ("fpr95", fpr95)):
            assert found[name][draw] == pytest.approx(measure(*sides))


def test_attacks_leave_only_images_that_were_right_and_are_wrong(network, data):  # noqa: F811
    x, labels = data.images(0, 64), data.labels[:64]
    radius = network.task.radii["linf"]
    for name in ATTACKS:
        x_adv, index = _attacked(network, name, x, labels, 0)
        with torch.no_grad():
            assert (network.fast(x[index]).argmax(1) == labels[index]).all()
            assert (network.fast(x_adv).argmax(1) != labels[index]).all()
        share = {"pgd-quarter": 0.25, "pgd-half": 0.5, "ddn": np.inf}.get(name, 1.0)
        assert (x_adv - x[index]).abs().amax() <= share * radius + 1e-6 and x_adv.min() >= 0 and x_adv.max() <= 1
        assert name in ("pgd-quarter", "fgsm") or len(index) > 0


def test_rows_hold_every_detector_against_every_set(small, network, screen, calibration, data, tmp_path):  # noqa: F811
    path = report_path("fashion-mnist", NAME, tmp_path)
    made = anomaly_report([(network, screen)], data, calibration, SETTINGS, tmp_path / "scratch", path)
    rows = [row for row in made.report.rows if row["kind"] != "promise"]
    against = {row["against"]: row["family"] for row in rows}
    assert against["noise"] == "far" and against["resized"] == "control" and against["contrast-5"] == "corruption"
    assert {name for name, family in against.items() if family == "attack"} == {"fgsm", "pgd", "ddn"}
    for key, (kind, _) in DETECTORS.items():
        mine = [row for row in rows if row["detector"] == key]
        assert {row["kind"] for row in mine} == {kind} and {row["against"] for row in mine} == set(against)
    trained = {row["trained_on"] for row in rows if row["detector"] == PERCEPTRON}
    assert trained == {"fgsm", "pgd", "ddn", "noise", "solid"}
    assert all(row["trained_on"] == "" for row in rows if row["kind"] != "gradient-supervised")
    for row in rows:
        if row["trained_on"] in ("", "pgd") and row["family"] != "corruption":
            normal, odd = (
                made.arrays[f"score__standard__{row['detector']}__{name}"] for name in ("test", row["against"])
            )
            assert row["auroc"] == pytest.approx(auroc(normal, odd), abs=1e-3) and row["auroc_n"] == len(odd)
    found = {(row["detector"], row["against"]): row["auroc"] for row in rows if row["trained_on"] == ""}
    assert found["norms-all", "noise"] > 0.9
    by_training = {row["trained_on"]: row["auroc"] for row in rows if row["against"] == "noise" and row["trained_on"]}
    assert by_training["noise"] > 0.85
    promises = [row for row in made.report.rows if row["kind"] == "promise"]
    assert len(promises) == 3 * len(DETECTORS) and all(row["flagged_n"] == 64 for row in promises)
    assert sum(row["kept"] for row in promises) >= len(promises) - 1
    again = read_anomaly("fashion-mnist", tmp_path)
    assert again.report.rows == made.report.rows and again.arrays.keys() == made.arrays.keys()


class StopError(Exception):
    """Stands for a kill."""


def test_a_killed_run_goes_on_and_other_networks_are_kept(
    small,
    network,  # noqa: F811
    screen,  # noqa: F811
    calibration,  # noqa: F811
    data,
    tmp_path,
    monkeypatch,
):
    path = report_path("fashion-mnist", NAME, tmp_path)
    original, calls = Screen.measure, []

    def measure(self, model, x, chunk=64):
        calls.append(len(x))
        return original(self, model, x, chunk)

    def stop(what, done, of):
        if what == "standard solid":
            raise StopError

    monkeypatch.setattr(Screen, "measure", measure)
    with pytest.raises(StopError):
        anomaly_report([(network, screen)], data, calibration, SETTINGS, tmp_path / "scratch", path, stop)
    assert not path.exists()
    before = len(calls)
    said = []
    made = anomaly_report(
        [(network, screen)], data, calibration, SETTINGS, tmp_path / "scratch", path, lambda what, *_: said.append(what)
    )
    assert said[0] == "standard test" and 0 < len(calls) - before < before
    calls.clear()
    other = replace(network, card=replace(network.card, key="other", sha256="c" * 64))
    its = replace(screen, settings={**screen.settings, "sha256": "c" * 64})
    both = anomaly_report([(other, its)], data, calibration, SETTINGS, tmp_path / "scratch", path)
    assert {row["model"] for row in both.report.rows} == {"standard", "other"} and calls
    assert [row for row in both.report.rows if row["model"] == "standard"] == list(made.report.rows)
    calls.clear()
    anomaly_report([(network, screen), (other, its)], data, calibration, SETTINGS, tmp_path / "scratch", path)
    assert not calls


def test_the_command_is_there_and_impossible_requests_are_refused(network, screen, calibration, tmp_path):  # noqa: F811
    assert REPORTS[NAME].settings(70, 1) == AnomalySettings(70, 70, 70, 7, 70, 1)
    with pytest.raises(ConfigError):
        AnomalySettings(images=0)
    with pytest.raises(InputError):
        anomaly_report([], pictures(3, 1), calibration, SETTINGS, tmp_path)
