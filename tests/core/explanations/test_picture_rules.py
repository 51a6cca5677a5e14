"""Each rule picks the pictures that its title names, in the order that its sentence states."""

import numpy as np
import pytest

from core.explanations.picture_facts import PictureFacts
from core.explanations.picture_rules import RULES

INF, NAN = np.inf, np.nan


@pytest.fixture
def facts():
    """Five pictures and two networks; the last picture's class is unknown."""
    return PictureFacts(
        tuple("abcde"),
        ("standard", "robust"),
        labels=np.array([0, 0, 1, 1, -1]),
        predicted=np.array([[0, 1, 1, 0, 2], [0, 0, 1, 0, 3]]),
        probability=np.array([[0.9, 0.8, 0.6, 0.7, 0.5], [0.5, 0.9, 0.6, 0.4, 0.3]], np.float32),
        agreement=np.array([0.2, NAN, -0.1, 0.5, 0.3]),
        flagged=np.array([[0.0, 0.4, 1.0, 0.9, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0]]),
        changed_at=np.array([[0.01, 0.01, 0.02, INF, 0.03], [0.04, 0.02, INF, 0.01, INF]]),
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("networks-disagree", "be"),  # 0.8 against 0.3 of the less sure network
        ("first-loses", "ca"),  # 1.0 / 0.02 where the robust one was never changed, then 0.04 / 0.01
        ("first-fails", "b"),
        ("maps-disagree", "caed"),
        ("detectors-disagree", "ebd"),
        ("easily-changed", "abce"),
        ("unsure", "ecdba"),
        ("sure-and-wrong", "bd"),
        ("every", "abcde"),
    ],
)
def test_a_rule_picks_and_orders(facts, rule, expected):
    assert "".join(facts.keys[place] for place in RULES[rule].places(facts)) == expected
    assert not RULES[rule].lacks(facts)


def test_every_rule_is_tested():
    (mark,) = test_a_rule_picks_and_orders.pytestmark
    assert {case[0] for case in mark.args[1]} == set(RULES)


def test_what_a_rule_lacks_is_said(facts):
    bare = PictureFacts(
        facts.keys, ("standard",), np.full(5, -1), facts.predicted[:1], facts.probability[:1], np.full(5, NAN),
        np.full((1, 5), NAN), np.full((1, 5), NAN),
    )  # fmt: skip
    said = {key: rule.lacks(bare) for key, rule in RULES.items()}
    assert "at least 2" in said["networks-disagree"] and "true class" in said["sure-and-wrong"]
    assert "calibrated" in said["detectors-disagree"] and said["unsure"] == ""
    assert [key for key, rule in RULES.items() if rule.attacked] == ["first-loses", "easily-changed"]
