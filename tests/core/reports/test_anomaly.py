"""The report on anomaly detectors: figures are those of the scores, disjoint images, resumed, other networks kept."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from core.anomaly import attacked as attacks
from core.anomaly.attacked import ATTACKS, attacked
from core.anomaly.calibration import Calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.conformal import false_alarm_interval
from core.anomaly.perceptron_detector import PERCEPTRON
from core.attacks.ddn import Ddn
from core.data import outliers
from core.data.outliers import Outliers
from core.errors import ConfigError, InputError
from core.metrics import intervals
from core.metrics.detection import aupr, auroc, fpr95
from core.metrics.intervals import bootstrap
from core.reports.anomaly import measurements
from core.reports.anomaly import rows as anomaly_rows
from core.reports.anomaly.measurements import AnomalyMeasurer, Sizes
from core.reports.anomaly.report import NAME, Anomaly, AnomalySettings, anomaly_report
from core.reports.anomaly.rows import figure_rows, promise_rows
from core.reports.catalogue import command_of
from core.reports.form.measuring import Request
from core.reports.form.report import report_path
from tests.helpers.pictures import columns

SIZES = Sizes(images=64, outliers=12, attacked=64, corrupted=10, trained=40)
SETTINGS = AnomalySettings({"standard": SIZES, "other": SIZES}, promised=64)


@pytest.fixture
def small(monkeypatch, fashion_root):
    """Two far sets and a control, whose classes count as a sample; one corruption, few steps and resamples."""
    control = Outliers("resized", "", "control", sampled=True)
    sets = (Outliers("noise", "", "far"), Outliers("solid", "", "far"), control)
    monkeypatch.setitem(outliers.OUTLIERS, "fashion-mnist", sets)
    monkeypatch.setattr(measurements, "CORRUPTIONS", ("contrast",))
    monkeypatch.setattr(measurements, "SEVERITIES", (1, 5))
    monkeypatch.setattr(anomaly_rows, "RESAMPLES", 30)
    monkeypatch.setattr(measurements, "ATTACKS", ("fgsm", "pgd", "ddn"))
    monkeypatch.setattr(attacks, "STEPS", 4)
    monkeypatch.setattr(measurements, "FEWEST", 3)
    monkeypatch.setattr(attacks, "Ddn", partial(Ddn, 20))


@pytest.fixture
def fewer(small, monkeypatch):
    """One attack and one corrupted set as well, for what becomes of what is measured."""
    monkeypatch.setattr(measurements, "ATTACKS", ("pgd",))
    monkeypatch.setattr(measurements, "SEVERITIES", (5,))


@pytest.fixture
def few_detectors(screen):
    """Three of the network's detectors: one of each kind that stands alone."""
    kept = ("norms", PERCEPTRON, "msp")
    return replace(
        screen,
        fitted={key: one for key, one in screen.fitted.items() if key in kept},
        normals={key: normal for key, normal in screen.normals.items() if key in kept},
    )


@pytest.fixture(scope="module")
def data():
    return columns(64, 3)


def scores(seed, shift, count):
    return np.random.default_rng(seed).normal(shift, 1, count).round(1)  # rounded, so that there are ties


@pytest.mark.slow
def test_figures_are_those_of_the_scores_and_intervals_those_of_the_bootstrap(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 300)
    normal, odd = scores(1, 0, 300), scores(2, 1, 200)
    (row,) = figure_rows({}, {"test": normal, "jpeg-1": odd}, {"jpeg-1": "corruption"})
    for name, measure in (("auroc", auroc), ("aupr", aupr), ("fpr95", fpr95)):
        assert row[name] == measure(normal, odd) and row[f"{name}_n"] == 200 and row["normal_n"] == 300
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    drawn = np.random.default_rng(3).permuted(np.arange(300))
    both = lambda index: auroc(normal[drawn[index[:, 0].astype(int)]], odd[index[:, 1].astype(int) % 200])  # noqa: E731
    low, high = bootstrap(np.stack([np.arange(300), np.arange(300)], 1), both)
    assert abs(row["auroc_low"] - low) < 0.02 and abs(row["auroc_high"] - high) < 0.02


def test_resamples_are_scored_as_the_metrics_would(monkeypatch):
    monkeypatch.setattr(anomaly_rows, "RESAMPLES", 5)
    normal, odd = scores(1, 0, 40), scores(2, 1, 30)
    found = anomaly_rows._resampled(normal, odd, 7)
    streams = [np.random.default_rng([0, stream]) for stream in (0, 7)]
    for draw in range(5):
        sides = [
            side[stream.integers(0, len(side), len(side))] for side, stream in zip((normal, odd), streams, strict=True)
        ]
        for name, measure in (("auroc", auroc), ("aupr", aupr), ("fpr95", fpr95)):
            assert found[name][draw] == pytest.approx(measure(*sides))


def test_means_count_every_set_alike_and_share_the_draws_of_normal_images():
    normal, near, away = scores(1, 0, 300), scores(2, 0.5, 60), scores(3, 3, 240)
    families = {"a": "far", "b": "far", "c": "semantic", "d": "control"}
    by_set = {"test": normal, "a": near, "b": away, "c": near, "d": away}
    rows = {row["against"]: row for row in figure_rows({"detector": "x"}, by_set, families)}
    assert set(rows) == {*families, "mean-far", "mean-semantic"}
    far = rows["mean-far"]
    assert far["family"] == "mean" and far["detector"] == "x" and far["auroc_n"] == 300 and far["normal_n"] == 300
    for name in ("auroc", "aupr", "fpr95"):
        assert far[name] == pytest.approx((rows["a"][name] + rows["b"][name]) / 2)
        assert rows["mean-semantic"][f"{name}_low"] == rows["c"][f"{name}_low"]
        assert far[f"{name}_low"] < far[name] < far[f"{name}_high"]
    twice = figure_rows({}, {"test": normal, "a": away, "b": away}, {"a": "far", "b": "far"})
    width = [row["auroc_high"] - row["auroc_low"] for row in twice]
    assert width[2] > 0.75 * min(width[:2])  # sets drawn apart, but the same normal images: far from 1 / sqrt(2)


def test_intervals_draw_classes_where_classes_are_a_sample():
    """Images of a class score alike, so that the number of classes, not of images, decides the width."""
    normal = scores(1, 0, 300)
    of = np.repeat(np.arange(20), 10)
    alike = scores(2, 1, 20)[of] + 0.001 * np.arange(200)
    by_set, families = {"test": normal, "a": alike}, {"a": "semantic"}
    images, classes = (figure_rows({}, by_set, families, given)[0] for given in (None, {"a": of}))
    assert images["auroc"] == classes["auroc"] and (images["classes_n"], classes["classes_n"]) == (None, 20)
    width = [row["auroc_high"] - row["auroc_low"] for row in (images, classes)]
    assert width[1] > 1.8 * width[0]
    once = figure_rows({}, by_set, families, {"a": np.arange(200)})[0]  # a class an image: nothing changes
    assert (once["auroc_low"], once["auroc_high"]) == (images["auroc_low"], images["auroc_high"])
    mean = figure_rows({}, by_set, families, {"a": of})[1]
    assert (mean["auroc_low"], mean["auroc_high"]) == (classes["auroc_low"], classes["auroc_high"])


@pytest.mark.slow
def test_a_set_that_changes_is_measured_again_and_nothing_else(
    fewer, network, few_detectors, calibration, data, tmp_path, monkeypatch
):
    request = Request([network], data, SETTINGS, tmp_path)
    report = partial(anomaly_report, request, {network.card.key: few_detectors}, calibration)
    report()
    calls = []
    original = Calibration.measure
    monkeypatch.setattr(Calibration, "measure", lambda *given: calls.append(len(given[2])) or original(*given))
    sets = outliers.OUTLIERS["fashion-mnist"]
    monkeypatch.setitem(outliers.OUTLIERS, "fashion-mnist", (*sets[:1], replace(sets[1], title="others"), *sets[2:]))
    report()
    assert calls == [26, 26]  # `solid`, of 52 pictures: those tested, and those that train


def test_promises_count_what_reaches_the_rate_and_are_held_to_the_interval(screen):
    known = replace(screen, normals={"msp": np.arange(99.0), "vim": np.arange(99.0)})
    at_the_rate = np.array([94.5] * 10 + [50.0] * 90)  # p-values of 0.05 and about 0.5
    rows = list(promise_rows({"model": "m"}, known, {"msp": at_the_rate, "vim": np.full(100, 98.5)}))
    found = {(row["detector"], row["alpha"]): row for row in rows}
    assert len(found) == len(rows) == 6 and all(row["model"] == "m" for row in rows)
    assert [found["msp", alpha]["flagged"] for alpha in (0.01, 0.05, 0.10)] == [0.0, 0.1, 0.1]
    for (detector, alpha), row in found.items():
        low, high = false_alarm_interval(99, 100, alpha, 1 - 0.05 / 6)
        assert (row["promised_low"], row["promised_high"]) == (low, high)
        assert (row["calibration_n"], row["flagged_n"]) == (99, 100)
        assert row["kept"] is (detector == "msp")


@pytest.mark.slow
def test_attacks_leave_only_images_that_were_right_and_are_wrong(small, network, data):
    x, labels = data.images(0, 64), data.labels[:64]
    radius = network.task.radii["linf"]
    for name in ATTACKS:
        x_adv, index = attacked(network, name, x, labels, 0)
        with torch.no_grad():
            assert (network.fast(x[index]).argmax(1) == labels[index]).all()
            assert (network.fast(x_adv).argmax(1) != labels[index]).all()
        share = {"pgd-quarter": 0.25, "pgd-half": 0.5, "ddn": np.inf}.get(name, 1.0)
        assert (x_adv - x[index]).abs().amax() <= share * radius + 1e-6 and x_adv.min() >= 0 and x_adv.max() <= 1
        assert name in ("pgd-quarter", "fgsm") or len(index) > 0


@pytest.mark.slow
def test_rows_hold_every_detector_against_every_set(small, network, screen, calibration, data, tmp_path):
    path = report_path("fashion-mnist", NAME, tmp_path)
    made = anomaly_report(
        Request([network], data, SETTINGS, tmp_path / "scratch", path), {network.card.key: screen}, calibration
    )
    rows = [row for row in made.report.rows if row["kind"] != "promise"]
    against = {row["against"]: row["family"] for row in rows}
    assert against["noise"] == "far" and against["resized"] == "control" and against["contrast-5"] == "corruption"
    assert {row["against"]: row["classes_n"] for row in rows if row["classes_n"] is not None} == {"resized": 10}
    assert {name for name, family in against.items() if family == "mean"} == {"mean-far", "mean-attack"}
    assert {name for name, family in against.items() if family == "attack"} == {"fgsm", "pgd", "ddn"}
    for key, one in DETECTORS.items():
        mine = [row for row in rows if row["detector"] == key]
        assert key == PERCEPTRON or {row["trained_on"] for row in mine} == {one.trained_on}
        assert {row["kind"] for row in mine} == {one.kind} and {row["against"] for row in mine} == set(against)
    trained = {row["trained_on"] for row in rows if row["detector"] == PERCEPTRON}
    assert trained == {"fgsm", "pgd", "ddn", "noise", "solid"}
    for row in rows:
        if row["trained_on"] == DETECTORS[row["detector"]].trained_on and row["family"] not in ("corruption", "mean"):
            normal, odd = (
                made.arrays[f"score_{row['detector']}_{name}__standard"] for name in ("test", row["against"])
            )
            assert row["auroc"] == pytest.approx(auroc(normal, odd), abs=1e-3) and row["auroc_n"] == len(odd)
    found = {(row["detector"], row["against"]): row["auroc"] for row in rows if row["trained_on"] == ""}
    assert found["norms-all", "noise"] > 0.9
    by_training = {row["trained_on"]: row["auroc"] for row in rows if row["against"] == "noise" and row["trained_on"]}
    assert by_training["noise"] > 0.85
    promises = [row for row in made.report.rows if row["kind"] == "promise"]
    assert len(promises) == 3 * len(DETECTORS) and all(row["flagged_n"] == 64 for row in promises)
    assert sum(row["kept"] for row in promises) >= len(promises) - 1
    again = Anomaly.read(report_path("fashion-mnist", "anomaly", tmp_path))
    assert again.report.rows == made.report.rows and again.arrays.keys() == made.arrays.keys()


class StopError(Exception):
    """Stands for a kill."""


@pytest.mark.slow
def test_a_killed_run_goes_on_and_other_networks_are_kept(
    fewer, network, few_detectors, calibration, data, tmp_path, monkeypatch
):
    path = report_path("fashion-mnist", NAME, tmp_path)
    original, calls = Calibration.measure, []

    def measure(self, model, x, chunk, light):
        calls.append(len(x))
        return original(self, model, x, chunk, light)

    def stop(what, done, of):
        if what == "standard solid-first":
            raise StopError

    other = replace(network, card=replace(network.card, key="other", sha256="c" * 64))
    its = replace(few_detectors, settings={**few_detectors.settings, "sha256": "c" * 64})

    def report(networks, on_progress=lambda what, done, of: None):
        request = Request(networks, data, SETTINGS, tmp_path / "scratch", path, on_progress)
        fitted = {one.card.key: its if one is other else few_detectors for one in networks}
        return anomaly_report(request, fitted, calibration)

    monkeypatch.setattr(Calibration, "measure", measure)
    with pytest.raises(StopError):
        report([network], stop)
    assert not path.exists()
    before = len(calls)
    said = []
    made = report([network], lambda what, *_: said.append(what))
    assert said[0] == "standard test" and 0 < len(calls) - before < before
    calls.clear()
    both = report([other])
    assert {row["model"] for row in both.report.rows} == {"standard", "other"} and calls
    assert [row for row in both.report.rows if row["model"] == "standard"] == list(made.report.rows)
    calls.clear()
    report([network, other])
    assert not calls


@pytest.mark.slow
def test_detectors_that_a_calibration_was_given_later_join_the_report_and_the_others_stay(
    fewer, network, screen, calibration, data, tmp_path, monkeypatch
):
    """Their rows are those that measuring all at once gives, though baselines and what trains are not measured."""
    path, added = report_path("fashion-mnist", NAME, tmp_path), ("knn", "gen", "fdbd", "joint")
    few = replace(SETTINGS, sizes={"standard": Sizes(images=32, outliers=8, attacked=32, corrupted=3, trained=10)})
    fitted = {key: one for key, one in screen.fitted.items() if key not in added}
    older = replace(screen, fitted=fitted, normals={key: screen.normals[key] for key in fitted})

    def report(its, path):
        request = Request([network], data, few, None, path, allow_uncommitted=True)
        return anomaly_report(request, {network.card.key: its}, calibration)

    before, light = report(older, path), []
    original = Calibration.measure
    monkeypatch.setattr(Calibration, "measure", lambda *given: light.append(given[4]) or original(*given))
    made, whole = report(screen, path), report(screen, None)
    assert light and any(light) and not all(light)
    held = [row for row in before.report.rows if row["kind"] != "promise"]
    assert held == [row for row in made.report.rows if row["detector"] not in added and row["kind"] != "promise"]
    strip = lambda rows: {tuple(sorted((k, str(v)) for k, v in row.items() if k != "made")) for row in rows}  # noqa: E731
    assert strip(made.report.rows) == strip(whole.report.rows)
    assert {row["made"] for row in held}.isdisjoint(row["made"] for row in made.report.rows if row["detector"] in added)
    assert made.arrays.keys() == whole.arrays.keys()
    assert Anomaly.read(path).report.rows == made.report.rows
    light.clear()
    assert report(screen, path).report.rows == made.report.rows and not light


@pytest.mark.slow
def test_what_trains_is_not_tested(fewer, network, few_detectors, calibration, data, tmp_path, monkeypatch):
    shown = {}
    original = AnomalyMeasurer._signals

    def signals(self, what, pictures, change=None, of=""):
        shown[what] = {bytes(each.numpy()) for each in pictures.pixels}
        return original(self, what, pictures, change, of)

    monkeypatch.setattr(AnomalyMeasurer, "_signals", signals)

    def report(settings, scratch):
        anomaly_report(Request([network], data, settings, scratch), {network.card.key: few_detectors}, calibration)

    report(replace(SETTINGS, sizes={"standard": replace(SIZES, outliers=15, trained=12)}), tmp_path / "scratch")
    for key in ("noise", "solid"):
        tested, trained = shown[f"{key}-after-12"], shown[f"{key}-first"]
        assert (len(tested), len(trained)) == (15, 12) and not tested & trained
    assert not shown["fit-pgd"] & shown["pgd"] and shown["fit-pgd"] == shown["fit"] and len(shown["fit"]) == 12
    more = {"standard": replace(SIZES, outliers=20, trained=12)}
    earlier = shown["noise-after-12"]
    report(replace(SETTINGS, sizes=more), tmp_path / "scratch")
    assert earlier < shown["noise-after-12"]


def test_of_other_networks_the_promise_alone_is_checked(small, network, screen, calibration, data, tmp_path):
    settings = AnomalySettings({}, promised=50)
    made = anomaly_report(
        Request([network], data, settings, tmp_path / "scratch"), {network.card.key: screen}, calibration
    )
    assert len(made.report.rows) == 3 * len(DETECTORS) and made.arrays == {}
    assert {(row["kind"], row["flagged_n"]) for row in made.report.rows} == {("promise", 50)}
    p_values = screen.p_values(screen.scores(screen.measure(network, data.images(0, 50))))
    for row in made.report.rows:
        assert row["flagged"] == pytest.approx((p_values[row["detector"]] <= row["alpha"]).mean())


@pytest.mark.slow
def test_larger_sizes_take_what_is_measured_already(small, network, screen, calibration, data, tmp_path, monkeypatch):
    def report(settings, scratch):
        request = Request([network], columns(128, 3), settings, scratch)
        anomaly_report(request, {network.card.key: screen}, calibration)

    report(AnomalySettings({}, promised=64), tmp_path)
    calls = []
    original = Calibration.measure
    monkeypatch.setattr(Calibration, "measure", lambda *given: calls.append(len(given[2])) or original(*given))
    report(AnomalySettings({}, promised=128), tmp_path)
    assert calls == [64]


def test_the_command_is_there_and_impossible_requests_are_refused(network, screen, calibration, tmp_path):
    asked = command_of(NAME).settings(70, 1)
    assert asked.sizes["standard"] == Sizes(70, 70, 70, 7, 70) and (asked.promised, asked.seed) == (70, 1)
    assert command_of(NAME).settings(None, 0).sizes["standard"].images == 10_000  # the whole test set
    with pytest.raises(ConfigError):
        replace(SIZES, images=0)
    with pytest.raises(ConfigError):
        AnomalySettings(promised=0)
    with pytest.raises(InputError):
        anomaly_report(Request([], columns(3, 1), SETTINGS, tmp_path), {}, calibration)
