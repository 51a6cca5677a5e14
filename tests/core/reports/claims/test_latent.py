"""What is read off the report `latent`: claims that hold, are reversed, or can't be told."""

import dataclasses

import numpy as np
import pytest

from core.reports.claims.latent import FOLLOWS, RATHER, SHOWS, readings
from core.reports.form.report import Report
from core.reports.latent import measurements, report
from core.reports.latent.measurements import LatentSettings
from core.reports.latent.report import NAME

pytestmark = pytest.mark.usefixtures("few_resamples")


def synthetic(accuracy, severity, norm, change, n=300, task="fashion-mnist"):
    """A report whose networks have these means: accuracies, image-space severities, latent norms, picture's changes."""
    rng = np.random.default_rng(0)
    keys = ["standard", *(f"net{index}" for index in range(1, len(accuracy)))]
    arrays = {}
    for key, right, size, latent_norm, l2 in zip(keys, accuracy, severity, norm, change, strict=True):
        arrays[f"right__{key}"] = rng.random(n) < right
        for name in ("l2", "linf"):
            arrays[f"image_{name}__{key}"] = (size * rng.uniform(0.9, 1.1, n)).astype(np.float32)
        for kind in ("reconstruction", "generation"):
            noise = rng.uniform(0.9, 1.1, n)
            arrays[f"distance_{kind}_default_1__{key}"] = (latent_norm * noise).astype(np.float32)
            arrays[f"fooled_{kind}_default_1__{key}"] = rng.random(n) > latent_norm
            arrays[f"l2_{kind}_default_1__{key}"] = (l2 * rng.uniform(0.9, 1.1, n)).astype(np.float32)
            arrays[f"l2_{kind}_default_1__{key}"][:5] = np.nan
    rows = tuple({"model": key, "sha256": "0"} for key in keys)
    return report.Latent(Report(task, NAME, {"eps": 1.0, "bound": 0.3}, {}, rows), arrays)


def test_the_excess_of_few_runs_is_that_on_the_codes_that_both_settings_have():
    arrays = {"distance_generation_default_1__a": np.array([0.0, 0.2, 0.4, np.inf])}
    arrays["distance_generation_paper_1__a"] = np.array([0.0, 0.1, 0.4, 2.0, 9.0, 9.0])
    settings = {"eps": 1.0, "restarts": 4, "paper_restarts": 12}
    found = report.Latent(Report("cifar10", NAME, settings, {}, ()), arrays)
    assert found.excess("a", "generation") == pytest.approx((0.2 + 0.4 + 2.5) / (0.1 + 0.4 + 2.0) - 1)
    assert found.excess("a", "reconstruction") is None and found.excess("b", "generation") is None
    same = dataclasses.replace(found, report=dataclasses.replace(found.report, settings=settings | {"restarts": 12}))
    assert same.excess("a", "generation") is None


def test_the_default_is_the_papers_number_of_runs():
    settings = LatentSettings()
    assert settings.restarts == settings.paper_restarts == measurements.Search().restarts == 12


UP = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
MIXED = [0.5, 0.2, 0.6, 0.3, 0.7, 0.25, 0.4]


def verdicts(report, claim, way="zoo"):
    return {row["verdict"] for row in report.rows if row["claim"] == claim and row["way"] == way}


@pytest.mark.slow
def test_readings_hold_where_the_zoo_is_as_the_paper_says():
    report = readings(synthetic(accuracy=UP, severity=MIXED, norm=UP, change=MIXED))
    assert verdicts(report, FOLLOWS) == {"held"} and verdicts(report, SHOWS) == {"held"}
    assert verdicts(report, FOLLOWS, "pair") == {"held"} and verdicts(report, SHOWS, "pair") <= {"held"}
    zoo = [row for row in report.rows if row["way"] == "zoo" and row["claim"] == FOLLOWS]
    assert len(zoo) == 4 and all(row["value"] > 0.9 and row["value_n"] == 7 for row in zoo)
    assert all(row["value_low"] <= row["value"] <= row["value_high"] for row in zoo)
    apart = [row for row in report.rows if row["claim"] == RATHER]
    assert len(apart) == 8 and all(row["value"] > 0.5 for row in apart)


@pytest.mark.slow
def test_readings_are_reversed_where_it_is_the_other_way_round():
    report = readings(synthetic(accuracy=UP, severity=UP[::-1], norm=UP[::-1], change=UP))
    assert verdicts(report, FOLLOWS) == verdicts(report, RATHER) == verdicts(report, SHOWS) == {"reversed"}
    assert verdicts(report, FOLLOWS, "pair") == verdicts(report, SHOWS, "pair") == {"reversed"}


@pytest.mark.slow
def test_more_than_needs_that_it_follows_at_all():
    """Unrelated to accuracy and the very opposite of severity: a lead of 1, and nothing that follows accuracy."""
    report = readings(synthetic(accuracy=MIXED, severity=UP, norm=UP[::-1], change=UP))
    assert verdicts(report, RATHER) == {"unclear"}


@pytest.mark.slow
def test_accuracies_on_photographs_are_within_their_own_radius():
    """No change within 0.1 fools the second network; the bounded search, of radius 0.3, fools it half the time."""
    for task, rho, higher in (("cifar10", 0.1, 1.0), ("fashion-mnist", 0.3, None)):
        made = synthetic([0.5, 0.9], [0.1, 0.1], [0.05, 0.5], [0.2, 0.2], task=task)
        found = [row for row in readings(made).rows if row["figure"] in ("LARA", "LAGA")]
        assert {row["rho"] for row in found} == {rho} and len(found) == 2
        fooled = {row["figure"]: row["value"] for row in found}
        if higher is None:
            assert all(0.3 < value < 0.6 for value in fooled.values())
        else:
            assert set(fooled.values()) == {higher}


def test_a_pair_is_compared_on_the_same_codes_and_only_where_the_two_differ():
    report = readings(synthetic([0.5, 0.9, 0.5], [0.1, 0.3, 0.1], [0.4, 0.5, 0.4], [0.2, 0.25, 0.2]))
    assert not [row for row in report.rows if row["way"] == "zoo"]  # three networks are too few
    assert {row["model"] for row in report.rows if row["claim"] == SHOWS} == {"net1"}
    (row,) = [row for row in report.rows if row["claim"] == SHOWS and row["codes"] == "generation"]
    assert row["value"] == pytest.approx(0.05, abs=0.005) and row["value_n"] == 295
    (row,) = [r for r in report.rows if r["figure"] == "LARS" and r["model"] == "net1"]
    assert row["value"] == pytest.approx(0.1, abs=0.01) and row["verdict"] == "held" and row["value_n"] == 300


def test_a_network_that_nobody_breaks_is_in_no_correlation_with_severity():
    """In image space nothing is found for `net3`, and less than that for the others; in latent space for `net4`."""
    made = synthetic(UP, MIXED, UP, MIXED, n=40)
    whole = readings(made)
    for norm in ("l2", "linf"):
        made.arrays[f"image_{norm}__net3"][:] = np.inf
    made.arrays["l2_generation_default_1__net4"][:] = np.nan
    found = readings(made)
    n = {(row["claim"], row["codes"]): row["value_n"] for row in found.rows if row["way"] == "zoo"}
    assert {key: value for key, value in n.items() if key[0] == FOLLOWS} == dict.fromkeys(
        [(FOLLOWS, "reconstruction"), (FOLLOWS, "generation")], 7
    )
    assert n[RATHER, "generation"] == n[SHOWS, "reconstruction"] == 6 and n[SHOWS, "generation"] == 5
    pairs = {(row["claim"], row["model"]) for row in found.rows if row["way"] == "pair"}
    assert (SHOWS, "net3") not in pairs and (FOLLOWS, "net3") in pairs and (SHOWS, "net2") in pairs
    assert (SHOWS, "net3") in {(row["claim"], row["model"]) for row in whole.rows if row["way"] == "pair"}


def test_of_too_few_networks_with_a_severity_there_is_no_correlation():
    made = synthetic(UP[:5], MIXED[:5], UP[:5], MIXED[:5], n=40)
    made.arrays["image_l2__net3"][:] = np.inf
    by = {row["by"] for row in readings(made).rows if row["way"] == "zoo"}
    assert by == {"accuracy", "accuracy, severity-linf", "severity-linf"}
