"""The Anomaly page's part of a link: what is written is read back, and what anyone else wrote is checked."""

from dataclasses import replace

import pytest

from app.anomaly.choice import AnomalyChoice, heads
from app.state.choice import Options
from app.state.choice import default as first_view
from app.state.page_choice import Beside
from core.anomaly.catalogue import DEFAULT
from core.anomaly.confounding import ConfoundingLabel

WORLD = Options(
    {"cifar10": ("standard", "pgd-linf", "noise-sign"), "fashion-mnist": ("lipschitz", "standard")},
    {"cifar10": ("photo:chelsea",), "fashion-mnist": ("photo:chelsea",)},
)
CHOICE = first_view(WORLD)
FIRST = AnomalyChoice.first(Beside(CHOICE, WORLD))
PART = AnomalyChoice("many", "vim", 0.01, "top-m", "softmax", 4, "all", "jpeg", 5, "noise-sign", "features")


def test_a_first_visit_asks_for_all_classes_at_a_false_alarm_rate_of_five_percent():
    part, notes = AnomalyChoice.read({}, CHOICE, WORLD)
    assert (part, notes) == (FIRST, [])
    assert part.probe == ConfoundingLabel() and (part.detector, part.alpha, part.view) == (DEFAULT, 0.05, "one")


@pytest.mark.parametrize("part", [PART, FIRST, replace(PART, label="zeros", head="sigmoid", m=2)])
def test_what_is_written_is_read_back(part):
    assert AnomalyChoice.read(part.to_query(), CHOICE, WORLD) == (part, [])


def test_m_stands_in_the_link_and_in_the_label_only_where_it_counts():
    assert PART.to_query()["m"] == "4" and PART.probe == ConfoundingLabel("top-m", "softmax", 4)
    other = replace(PART, label="ones")
    assert "m" not in other.to_query() and other.probe == replace(other, m=7).probe


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("view", "two"), ("detector", "magic"), ("alpha", "0.03"), ("alpha", "nan"), ("label", "<b>"), ("head", "tanh"),
        ("m", "11"), ("m", "-1"), ("tensors", ""), ("push", "rain"), ("step", "6"), ("step", "1e9"), ("seen", "trades"),
        ("near", "far"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_a_sentence_that_does_not_repeat_it(name, value):
    part, (note,) = AnomalyChoice.read(PART.to_query() | {name: value}, CHOICE, WORLD)
    assert f"`{name}`" in note and (not value or value not in note)
    assert getattr(part, name) == getattr(FIRST, name)


def test_no_label_asks_nothing_of_cross_entropy():
    assert heads("zeros") == ("sigmoid", "softmax") and "cross-entropy" in heads("others")
    part = replace(PART, label="others", head="cross-entropy").change("label", "zeros", CHOICE, WORLD)
    assert (part.label, part.head) == ("zeros", "sigmoid")
    assert part.change("head", "cross-entropy", CHOICE, WORLD) == part
    _, (note,) = AnomalyChoice.read({"label": "zeros", "head": "cross-entropy"}, CHOICE, WORLD)
    assert "`head`" in note


def test_another_task_brings_its_own_networks():
    other = replace(CHOICE, task="fashion-mnist", models=("lipschitz",))
    assert PART.within(other, WORLD).seen == "lipschitz" and PART.within(CHOICE, WORLD) == PART
