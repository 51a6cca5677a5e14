"""The page Anomaly with what was measured: the report, a part of it, and one of other weights."""

import dataclasses

import pytest

from core.anomaly.catalogue import DETECTORS
from core.data.corruptions import CORRUPTIONS
from core.reports.form.report import read_report, write_report
from tests.helpers.pages import bodies, checked, presented, pressed, query, value
from tests.helpers.synthetic.anomaly import write_anomaly_report
from tests.helpers.tiny_zoo import write_zoo

PAGE = "pages/anomaly"
pytestmark = pytest.mark.usefixtures("calibrations")
TWO = {"models": "standard,pgd-l2"}


def test_without_a_report_a_sentence_names_the_command(visit):
    at = visit(**TWO, view="measured")
    assert any("evaluate --task cifar10 --report anomaly" in item.value for item in at.code) and not at.error


@pytest.mark.slow
def test_the_report_is_shown_whole_for_these_weights(visit, tiny_zoo, tmp_path):
    write_anomaly_report(tiny_zoo, tmp_path, "cifar10")
    at = visit(**TWO, view="measured", detector="energy", seen="pgd-l2")
    assert not bodies(at, "data-heat") and not bodies(at, "data-corruption")  # what comes later is folded
    at = visit(**TWO, view="measured", detector="energy", seen="pgd-l2", open="detectors,trained,promise,severity")
    assert len(bodies(at, "data-corruption")) == len(CORRUPTIONS)
    (means,) = bodies(at, "data-means")
    assert means.count("data-means=") == 2 and "mean of 6" in means
    first, second = bodies(at, "data-heat")
    assert first.count("<td") == len(DETECTORS) * 15 and second.count("rs-same") == 11
    assert "n = 321" in first and "AUPR" in first
    (promise,) = bodies(at, "data-promise")
    assert value(promise, "data-promise") == "1" and promise.count("broken") == 1
    checked(at.selectbox(key="anomaly.seen").set_value("standard").run())
    assert bodies(at, "data-heat")[0] != first and query(at)["seen"] == "standard"
    checked(at.selectbox(key="anomaly.detector.report").set_value("vim").run())
    assert bodies(at, "data-means") != [means] and query(at)["detector"] == "vim" and not at.error
    (means,) = bodies(at, "data-means")
    attacks = presented(pressed(at, "presenter.button"))["slides"][0]
    assert attacks["title"] == "Attacks" and [panel["key"] for panel in attacks["panels"]] == ["standard", "pgd-l2"]
    for panel in attacks["panels"]:
        bars = panel["faces"][0]["bars"]
        assert f"<b>{sum(bar['share'] for bar in bars) / len(bars):.3f}</b> <small>mean of {len(bars)}" in means


@pytest.mark.slow
def test_a_network_with_its_promise_alone_is_told_of_by_a_sentence(visit, tiny_zoo, tmp_path):
    path = write_anomaly_report(tiny_zoo, tmp_path, "cifar10")
    whole = read_report(path)
    rows = tuple(row for row in whole.rows if row["model"] != "pgd-l2" or row["family"] == "promise")
    write_report(dataclasses.replace(whole, rows=rows), path)
    at = visit(**TWO, view="measured", seen="pgd-l2", open="detectors,promise")
    assert any("their promise alone" in item.value for item in at.info) and not bodies(at, "data-heat")
    assert len(bodies(at, "data-promise")) == 1 and not at.error


@pytest.mark.slow
def test_a_report_of_other_weights_is_none(visit, tmp_path, tmp_path_factory):
    other = write_zoo(tmp_path_factory.mktemp("other"), ("cifar10",))
    path = write_anomaly_report(other, tmp_path, "cifar10")
    report = read_report(path)
    write_report(dataclasses.replace(report, rows=tuple(row | {"sha256": "0"} for row in report.rows)), path)
    at = visit(**TWO, view="measured")
    assert any("of other weights" in item.value for item in at.markdown) and not bodies(at, "data-heat")
