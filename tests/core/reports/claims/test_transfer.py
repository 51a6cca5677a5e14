"""The readings of the transfer matrices: each is held or reversed by matrices made for it, and counted as a whole."""

import numpy as np
import pytest

from core.reports.claims.transfer import CLAIMS, NAME, readings, verdicts
from core.reports.form.report import Report
from core.reports.transfer.report import Transfer, transferred_attacks

pytestmark = pytest.mark.usefixtures("few_resamples")

N = 1000
RADII = [0.0, 0.05, 0.1, 0.2, 0.4]
KEYS = ("standard", "distilled", "adversarial", "double-backprop", "pgd-linf")


def hits(share: float) -> np.ndarray:
    """The same first images stand everywhere, so that differences are exact."""
    return np.arange(N) < round(share * N)


def transfer(accuracy, unchanged=lambda source: 0.0, keys=KEYS, task="fashion-mnist") -> Transfer:
    """Matrices where accuracy is `accuracy(model, source, epsilon, attack)`."""
    arrays = {}
    for attack in transferred_attacks():
        for source in keys:
            arrays[f"unchanged_{attack}__{source}"] = np.stack([hits(unchanged(source)) for _ in RADII])
            for model in keys:
                cells = [hits(accuracy(model, source, epsilon, attack)) for epsilon in RADII]
                arrays[f"right_{attack}__{source}__{model}"] = np.stack(cells)
    rows = tuple({"model": key} for key in keys)
    return Transfer(Report(task, "transfer", {"epsilons": RADII}, {}, rows), arrays)


def as_in_the_paper(model: str, source: str, epsilon: float, attack: str) -> float:
    """Accuracies in the order of the paper's tables."""
    if model == source == "distilled" and attack == "fgsm":
        return 0.9
    falls = {"standard": 1.5, "distilled": 2.1, "adversarial": 0.2, "double-backprop": 0.6}
    fall = falls.get(model, 1.0) * epsilon
    if model == "adversarial" and epsilon > 0.1:
        fall = 2.5 * (epsilon - 0.1) + 0.02
    if source == "double-backprop":
        fall += 0.05 if epsilon else 0.0
    return 0.9 - fall


def against_the_paper(model: str, source: str, epsilon: float, attack: str) -> float:
    return 1 - as_in_the_paper(model, source, epsilon, attack)


@pytest.mark.slow
def test_matrices_like_the_papers_hold_every_reading():
    report = readings(transfer(as_in_the_paper, unchanged=lambda source: float(source == "distilled")))
    assert report.report == NAME and {row["verdict"] for row in report.rows} == {"held"}, [
        row for row in report.rows if row["verdict"] != "held"
    ]
    whole = {each.reading: each for each in verdicts(report.rows)}
    assert whole.keys() == CLAIMS.keys()
    assert all(each.verdict == "held" and each.held == each.of and each.reversed == 0 for each in whole.values())


@pytest.mark.slow
def test_the_opposite_matrices_reverse_every_reading():
    report = readings(transfer(against_the_paper))
    assert {each.verdict for each in verdicts(report.rows)} == {"reversed"}


def test_one_comparison_against_a_reading_is_enough_for_it_not_to_hold():
    rows = [
        {"reading": "a", "verdict": "held", "pooled": True},
        {"reading": "a", "verdict": "reversed", "pooled": True},
        {"reading": "b", "verdict": "held", "pooled": True},
        {"reading": "b", "verdict": "unclear", "pooled": True},
        {"reading": "c", "verdict": "held", "pooled": True},
        {"reading": "c", "verdict": "reversed", "pooled": False},
    ]
    found = [(each.reading, each.verdict, each.held, each.reversed, each.of) for each in verdicts(rows)]
    assert found == [("a", "mixed", 1, 1, 2), ("b", "unclear", 1, 0, 2), ("c", "held", 1, 0, 1)]


@pytest.mark.slow
def test_equal_networks_leave_it_unclear():
    report = readings(transfer(lambda model, source, epsilon, attack: 0.5))
    assert {row["verdict"] for row in report.rows if row["reading"] != "c"} == {"unclear"}


@pytest.mark.slow
def test_others_images_are_those_of_third_networks_of_the_paper():
    """Accuracy on the two compared networks' images, and on those of a network unknown to it, counts for nothing."""

    def accuracy(model: str, source: str, epsilon: float, attack: str) -> float:
        third = source in {"distilled", "adversarial"}
        return (0.8 if model == "double-backprop" else 0.6) if third else 0.0

    rows = [row for row in readings(transfer(accuracy)).rows if row["reading"] == "a" and row["against"] == "standard"]
    assert len(rows) == 5 and all(row["difference"] == pytest.approx(0.2) and row["n"] == N for row in rows)
    at = ["FGSM, epsilon 0.2", "FGSM, epsilon 0.4", "TGSM, epsilon 0.2", "TGSM, epsilon 0.4"]
    assert [row["at"] for row in rows] == ["; ".join(at), *at]
    assert [row["pooled"] for row in rows] == [True, False, False, False, False]
    assert all(row["difference_low"] <= row["difference"] <= row["difference_high"] for row in rows)


@pytest.mark.slow
def test_figures_of_single_comparisons():
    rows = readings(transfer(as_in_the_paper, unchanged=lambda source: 0.8 if source == "distilled" else 0.0)).rows
    unchanged = [row for row in rows if "unchanged" in row["measure"]]
    assert [row["difference"] for row in unchanged] == pytest.approx([0.3] * 3)
    lost = [row for row in rows if row["reading"] == "b" and row["model"] == "standard"]
    assert {row["against"] for row in lost} == {"double-backprop"}
    assert [row["difference"] for row in lost[:3]] == pytest.approx([(0.35 + 0.65) / 2, 0.35, 0.65])
    falls = [row for row in rows if row["reading"] == "d2"]
    assert falls[1]["difference"] == pytest.approx((0.88 - 0.63) - (0.84 - 0.78))


def test_adversarial_training_must_win_at_every_radius_up_to_its_own():
    """It wins at 0.1, its own, and is far behind at 0.05."""

    def accuracy(model: str, source: str, epsilon: float, attack: str) -> float:
        behind = 0.6 if epsilon == 0.05 else -0.2
        return 0.2 if model == "adversarial" and epsilon == 0.05 else 0.8 if model != "adversarial" else 0.8 - behind

    found = readings(transfer(accuracy)).rows
    rows = [row for row in found if row["reading"] == "d" and row["pooled"]]
    assert {(row["measure"].split(", ")[1], row["verdict"]) for row in rows} == {
        ("epsilon 0.05", "reversed"),
        ("epsilon 0.1", "held"),
    }
    assert next(each for each in verdicts(found) if each.reading == "d").verdict == "mixed"


def test_absent_networks_are_left_out():
    assert readings(transfer(as_in_the_paper, keys=("standard", "pgd-linf"))).rows == ()
    some = readings(transfer(as_in_the_paper, keys=("standard", "double-backprop")))
    assert {row["reading"] for row in some.rows} == {"b"}  # no third network, no others' images


@pytest.mark.slow
def test_radii_of_other_tasks():
    """Without the paper's radii the largest two are large, and are said in 255ths."""
    rows = readings(transfer(as_in_the_paper, task="cifar10")).rows
    at = {row["at"] for row in rows if row["reading"] == "a" and not row["pooled"]}
    assert at == {f"{attack}, epsilon {radius}/255" for attack in ("FGSM", "TGSM") for radius in (51, 102)}
