"""The Adversarial page's part of a link: what is written is read back, and what anyone else wrote is checked."""

from dataclasses import replace

import pytest

from app.adversarial.choice import AWAY, METHOD_TITLES, REGION_TITLES, AdversarialChoice, targets
from app.state.choice import Options
from app.state.choice import default as first_view
from app.state.page_choice import Beside
from core.explanations.smoothed_network import SMOOTHED_METHODS
from tests.helpers.links import refused

MODELS = ("standard", "pgd-linf", "noise-sign")
WORLD = Options(
    {"cifar10": MODELS, "fashion-mnist": ("lipschitz", "standard")},
    dict.fromkeys(("cifar10", "fashion-mnist"), ("photo:chelsea",)),
)
CHOICE = first_view(WORLD)
FIRST = AdversarialChoice.first(Beside(CHOICE, WORLD))
PART = AdversarialChoice(
    0.055, "ship", "change", "pgd", 0.0314, "standard", "noise-sign", "grad-cam", "centre", 3, 0.5, 10_000
)  # fmt: skip


def test_a_first_visit_has_the_reference_budget_and_a_class_of_the_task():
    part, notes = AdversarialChoice.read({}, CHOICE, WORLD)
    assert (part.rho, part.target, part.source, notes) == (0.1, "dog", "", [])
    assert part == FIRST and "cell" not in part.to_query()
    garments = first_view(WORLD, "fashion-mnist")
    assert AdversarialChoice.first(Beside(garments, WORLD)).target in targets(garments)


@pytest.mark.parametrize(
    "part",
    [PART, replace(PART, target=AWAY), replace(PART, source="", seen=""), replace(PART, rho=0.0, size=0, at=0.0)],
)
def test_a_link_restores_the_view(part):
    assert AdversarialChoice.read(part.to_query(), CHOICE, WORLD) == (part, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("rho", "0.11"), ("rho", "-0.01"), ("rho", "nan"), ("rho", "1e-2"), ("rho", "٠"), ("rho", "9" * 5000)],
        *[("target", "coat"), ("target", "<b>"), ("show", "all"), ("attack", "../pgd"), ("at", "2"), ("at", "inf")],
        *[("cell", "standard"), ("cell", "standard,lipschitz"), ("cell", ",,"), ("method", "lime")],
        *[("region", "west"), ("move", "17"), ("move", "-1"), ("move", "3.5")],
        *[("sigma", "0.7"), ("sigma", "nan"), ("draws", "7"), ("draws", "9999999")],
    ],
)
def test_what_a_link_cannot_ask_is_a_sentence_and_the_default(name, value):
    assert refused(AdversarialChoice, name, value, CHOICE, WORLD) == FIRST


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("rho", None), ("rho", float("nan")), ("rho", 0.2), ("target", None), ("at", "x"), ("attack", None)],
        *[("source", "lipschitz"), ("cell", ("standard",)), ("cell", ["standard", "standard"]), ("size", 2.5)],
    ],
)
def test_an_impossible_value_of_a_widget_changes_nothing(field, value):
    assert PART.change(field, value, CHOICE, WORLD) == PART


def test_a_budget_stands_on_the_slider_and_a_cell_is_whole():
    assert PART.change("rho", 0.0524, CHOICE, WORLD).rho == 0.05
    one = replace(PART, source="", seen="").change("source", "pgd-linf", CHOICE, WORLD)
    assert (one.source, one.seen) == ("pgd-linf", "pgd-linf")
    assert one.change("cell", ("standard", "pgd-linf"), CHOICE, WORLD).source == "standard"


def test_another_task_has_other_classes_networks_and_sizes():
    garments = replace(first_view(WORLD, "fashion-mnist"))
    part = replace(PART, size=16).within(garments, WORLD)
    assert part.target == AdversarialChoice.first(Beside(garments, WORLD)).target and (part.source, part.seen) == (
        "",
        "",
    )
    assert part.rho == PART.rho and part.method == PART.method and part.size == 16
    assert replace(PART, target=AWAY).within(garments, WORLD).target == AWAY
    assert replace(PART, seen="standard").within(garments, WORLD).source == "standard"


def test_the_menus_are_those_of_the_engine():
    assert tuple(METHOD_TITLES) == SMOOTHED_METHODS and len(REGION_TITLES) == 5
