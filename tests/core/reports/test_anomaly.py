"""The report on anomaly detectors: figures are those of the scores, disjoint images, resumed, other networks kept."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from core.anomaly import attacked as attacks
from core.anomaly.attacked import attacked
from core.anomaly.calibration import Calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.perceptron_detector import PERCEPTRON
from core.attacks.ddn import Ddn
from core.batch.local import LocalEngine
from core.batch.measuring import SharedMeasuring
from core.data import outliers
from core.data.outliers import Outliers
from core.errors import ConfigError, InputError
from core.metrics.detection import auroc
from core.models.asking import one_thread
from core.reports.anomaly import measurements
from core.reports.anomaly import rows as anomaly_rows
from core.reports.anomaly.measurements import AnomalyMeasurer, Sizes
from core.reports.anomaly.report import NAME, Anomaly, AnomalySettings, anomaly_report
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


@pytest.mark.slow
def test_signals_that_travel_to_a_worker_are_those_that_are_measured_here(small, network, data, screen):
    found = []
    with one_thread():
        for at_once in (None, SharedMeasuring(LocalEngine(1), [network, network.fast, data.pixels, data.labels])):
            request = Request([network], data, SETTINGS, at_once=at_once)
            bench = AnomalyMeasurer(request, {}, network, screen, data)
            attack = partial(attacked, network, "pgd")
            found.append([bench.normal(20).arrays(), bench._signals("pgd", data.first(20), attack)[0].arrays()])
    for here, there in zip(*found, strict=True):
        assert here.keys() == there.keys()
        for name, values in here.items():
            np.testing.assert_array_equal(values, there[name], err_msg=name)


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
