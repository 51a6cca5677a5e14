"""How much of what is odd a setting flags, from the scores that a report keeps."""

import numpy as np
import pytest

from core.anomaly.perceptron_detector import PERCEPTRON
from core.reports.anomaly.flagged import flagged_shares
from core.reports.anomaly.report import Anomaly
from core.reports.form.report import Report

OWN = ("standard", "abc")


def report(*rows: tuple[str, str, str, str], **scores: list[float]) -> Anomaly:
    """Rows of (detector, set, family, checksum), and by set the scores of `msp`."""
    names = ("detector", "against", "family", "sha256")
    told = tuple(dict(zip(names, row, strict=True)) | {"model": "standard", "trained_on": ""} for row in rows)
    arrays = {f"score_msp_{name}__standard": np.array(values, np.float32) for name, values in scores.items()}
    return Anomaly(Report("cifar10", "anomaly", {}, {}, told), arrays)


def test_shares_are_of_scores_above_the_threshold_and_sets_count_alike():
    normals = np.arange(1.0, 20.0)  # 19 of them: at 10 % what is above 18 is flagged
    found = report(
        ("msp", "digits", "far", "abc"), ("msp", "noise", "far", "abc"), ("msp", "pgd", "attack", "abc"),
        digits=[30, 30, 30, 0], noise=[0, 30], pgd=[18.5, 18, 0, 0],
    )  # fmt: skip
    shares = flagged_shares(found, OWN, "msp", normals, 0.1)
    assert shares["far"].value == pytest.approx((0.75 + 0.5) / 2) and shares["far"].n == 6
    assert shares["attack"].value == 0.25 and "semantic" not in shares


def test_what_was_not_measured_on_these_weights_by_this_detector_is_left_out():
    normals = np.arange(1.0, 20.0)
    other = report(("msp", "digits", "far", "xyz"), digits=[30])
    assert flagged_shares(other, OWN, "msp", normals, 0.1) == {}
    assert flagged_shares(report(("msp", "digits", "far", "abc")), OWN, "msp", normals, 0.1) == {}  # no scores
    half = report(("msp", "digits", "far", "abc"), ("msp", "noise", "far", "abc"), digits=[30])
    assert flagged_shares(half, OWN, "msp", normals, 0.1) == {}  # a mean of some sets is not that of all
    assert flagged_shares(report(("msp", "digits", "far", "abc"), digits=[30]), OWN, "vim", normals, 0.1) == {}
    assert flagged_shares(report((PERCEPTRON, "digits", "far", "abc")), OWN, PERCEPTRON, normals, 0.1) == {}
