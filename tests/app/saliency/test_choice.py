"""The Saliency page's part of a link: what is written is read back, and what anyone else wrote is checked."""

from dataclasses import replace

import pytest

from app.saliency.choice import FIRST_MEASURES, FIRST_METHODS, MOST_SHEET, SaliencyChoice
from app.state.choice import Options
from app.state.choice import default as first_view
from app.state.page_choice import Beside
from core.data.tasks import task_named
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.saliency.measures.catalogue import SALIENCY_MEASURES, measures_of_maps
from core.saliency.target import Target
from tests.helpers.saliency import PART

MODELS = ("standard", "pgd-linf", "noise-sign")
IMAGES = tuple(f"test:{index}" for index in range(12))
WORLD = Options(
    {"cifar10": MODELS, "fashion-mnist": ("lipschitz", "standard")},
    {"cifar10": ("photo:chelsea", *IMAGES), "fashion-mnist": ("photo:chelsea",)},
)
CHOICE = first_view(WORLD)
FIRST = SaliencyChoice.first(Beside(CHOICE, WORLD))


def test_a_first_visit_asks_each_network_about_its_own_answer():
    part, notes = SaliencyChoice.read({}, CHOICE, WORLD)
    assert (part, notes) == (FIRST, [])
    assert part.methods == FIRST_METHODS and (part.seen, part.method) == ("standard", "gradient")
    assert part.target(task_named("cifar10")) == Target()


@pytest.mark.parametrize(
    "part",
    [
        PART,
        replace(PART, of="top", against="other"),
        replace(PART, of="true", against="", sheet=(), view=""),
        FIRST,
    ],
)
def test_a_link_restores_the_view(part):
    assert SaliencyChoice.read(part.to_query(), CHOICE, WORLD) == (part, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("methods", "x-ray"), ("methods", ""), ("methods", "lime,lime"), ("explain", "coat"), ("against", "<b>")],
        *[("rows", "all"), ("scale", "two"), ("colours", "jet"), ("over", "101"), ("over", "-1"), ("over", "٠")],
        *[("over", "9" * 5000), ("map", "standard"), ("map", "standard,lime"), ("map", "lipschitz,gradient")],
        *[
            ("other", "lipschitz"),
            ("measures", "alignment"),
            ("measures", "linearised-robustness"),
            ("agreement", "pearson"),
            ("view", "vote"),
        ],
        *[("sheet", "test:99"), ("sheet", ",".join(IMAGES[: MOST_SHEET + 1]))],
    ],
)
def test_what_a_link_cannot_ask_is_a_sentence_and_the_default(name, value):
    part, notes = SaliencyChoice.read({name: value}, CHOICE, WORLD)
    assert part == FIRST and len(notes) == 1 and f"`{name}`" in notes[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("methods", []), ("methods", None), ("methods", "lime"), ("of", None), ("over", 2.5), ("map", ("standard",))],
        *[("map", ("lipschitz", "gradient")), ("measures", ["x"]), ("sheet", ["photo:x"]), ("seen", "lipschitz")],
    ],
)
def test_an_impossible_value_of_a_widget_changes_nothing(field, value):
    assert PART.change(field, value, CHOICE, WORLD) == PART


def test_a_class_is_never_held_against_itself_and_the_later_word_counts():
    assert PART.change("of", "dog", CHOICE, WORLD).against == ""
    changed = PART.change("against", "cat", CHOICE, WORLD)
    assert (changed.of, changed.against) == ("top", "cat")


def test_the_map_that_is_looked_at_is_always_one_of_the_grid():
    assert PART.change("methods", ["lime"], CHOICE, WORLD).method == "lime"
    fewer = replace(CHOICE, models=("noise-sign",))
    part = PART.within(fewer, WORLD)
    assert (part.seen, part.other) == ("noise-sign", "noise-sign")
    assert PART.change("other", "pgd-linf", CHOICE, WORLD).other == "standard"  # not the one that is looked at
    opened = PART.change("map", ("noise-sign", "lime"), CHOICE, WORLD)
    assert (opened.seen, opened.method, opened.other) == ("noise-sign", "lime", "standard")


def test_another_task_has_other_classes_networks_and_pictures():
    garments = first_view(WORLD, "fashion-mnist")
    part = PART.within(garments, WORLD)
    assert (part.of, part.against, part.sheet) == ("top", "", ("photo:chelsea",))
    assert {part.seen, part.other} == {"lipschitz", "standard"} and part.methods == PART.methods


def test_a_target_is_said_in_classes_of_the_task():
    assert PART.target(task_named("cifar10")) == Target(3, 5)
    assert replace(PART, of="true", against="other").target(task_named("cifar10")) == Target("true", "other")
    assert replace(PART, of="top", against="cat").target(task_named("cifar10")) == Target("top", 3)


def test_the_menus_are_those_of_the_engine():
    assert {*FIRST_METHODS} <= {*ATTRIBUTION_METHODS}
    assert {*FIRST_MEASURES} < {*measures_of_maps()} < {*SALIENCY_MEASURES}
