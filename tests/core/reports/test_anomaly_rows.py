"""Rows of the report on anomaly detectors: figures, their intervals and means, and the promise."""

from dataclasses import replace

import numpy as np
import pytest

from core.anomaly.conformal import false_alarm_interval
from core.metrics import intervals
from core.metrics.detection import aupr, auroc, fpr95
from core.metrics.intervals import bootstrap
from core.reports.anomaly import rows as anomaly_rows
from core.reports.anomaly.rows import figure_rows, promise_rows


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
