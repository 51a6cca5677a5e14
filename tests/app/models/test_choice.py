"""The Models page's part of a link: what is written is read back, and what anyone else wrote is checked."""

from dataclasses import replace

import pytest

from app.models.choice import BOX, GIVEN, PerturbationChoice, map_options
from app.state.choice import Options
from app.state.choice import default as first_view
from app.state.page_choice import Beside
from core.training.recipes.saliency_maps import STRONG_MAPS
from tests.helpers.links import refused

MODELS = ("standard", "pgd-linf", "noise-sign")
WORLD = Options(
    {"cifar10": MODELS, "fashion-mnist": ("lipschitz",), "tiny20": MODELS},
    dict.fromkeys(("cifar10", "fashion-mnist", "tiny20"), ("photo:chelsea", "test:0")),
)
CHOICE = first_view(WORLD)
FIRST = PerturbationChoice.first(Beside(CHOICE, WORLD))
TINY = replace(first_view(WORLD, "tiny20"), image="test:0")
COUNTED = ("noise-sign", "standard", 1000, "attacked", "yes", 2.5)
MADE = PerturbationChoice("smooth-grad", "standard", "noise-sign", 3, 42, 0.6, (8, 23), (8, 23), *COUNTED)


def test_a_first_visit_shows_a_robust_teacher_and_asks_itself():
    made, notes = PerturbationChoice.read({}, CHOICE, WORLD)
    assert (made.maps, made.teacher, made.network, made.size) == ("gradient-sign", "pgd-linf", "pgd-linf", 8)
    assert notes == [] and made == FIRST
    assert PerturbationChoice.first(Beside(first_view(WORLD, "fashion-mnist"), WORLD)).teacher == "lipschitz"


@pytest.mark.parametrize("made", [MADE, replace(MADE, maps=BOX, across=(0, 31), down=(5, 5)), replace(MADE, alpha=0.0)])
def test_a_link_restores_the_view(made):
    assert PerturbationChoice.read(made.to_query(), CHOICE, WORLD) == (made, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("map", "given"),  # a photograph has no box of its own
        ("map", "<b>"),
        ("teacher", "../standard"),
        ("network", "lipschitz"),
        ("size", "17"),
        ("size", "-1"),
        ("size", "٣"),
        ("epoch", "101"),
        ("epoch", "1e1"),
        ("alpha", "1.01"),
        ("alpha", "nan"),
        ("one", "lipschitz"),
        ("counted", "201"),
        ("under", "dirty"),
        ("square", "perhaps"),
        ("temperature", "9"),
        ("temperature", "4.01"),
        ("box", "8,7,0,1"),
        ("box", "0,32,0,1"),
        ("box", "0,1,0"),
        ("box", "9" * 5000),
    ],
)
def test_what_a_link_cannot_ask_is_a_sentence_and_the_default(name, value):
    assert refused(PerturbationChoice, name, value, CHOICE, WORLD) == FIRST


IMPOSSIBLE = (
    *[("size", 16.5), ("size", None), ("epoch", 101), ("alpha", "x"), ("across", [1, 2]), ("across", (5, 4))],
    *[("down", (0, 32)), ("maps", "given"), ("maps", None), ("teacher", "lipschitz"), ("box", (0, 1))],
)


@pytest.mark.parametrize(("field", "value"), IMPOSSIBLE)
def test_an_impossible_value_of_a_widget_changes_nothing(field, value):
    assert MADE.change(field, value, CHOICE, WORLD) == MADE


def test_only_annotated_pictures_have_a_box_of_their_own():
    assert GIVEN in map_options(replace(TINY, task="pasted", image="generated:03"))
    assert GIVEN not in map_options(replace(TINY, image="upload:5f"))
    assert GIVEN in map_options(TINY) and GIVEN not in map_options(replace(TINY, image="photo:chelsea"))
    assert GIVEN not in map_options(replace(CHOICE, image="test:0"))
    assert set(STRONG_MAPS) <= set(map_options(CHOICE))
    made = replace(MADE, maps=GIVEN)
    assert made.within(TINY, WORLD) == made
    assert made.within(replace(TINY, image="photo:chelsea"), WORLD).maps == "gradient-sign"


def test_a_link_to_a_visitors_own_picture_says_nothing_of_a_box_in_it():
    made = replace(MADE, maps="box", across=(3, 9), down=(4, 8))
    assert made.to_query(CHOICE)["box"] == "3,9,4,8"
    private = made.to_query(replace(CHOICE, image="upload:5f"))
    assert "box" not in private and private == {k: v for k, v in made.to_query(CHOICE).items() if k != "box"}


def test_another_task_keeps_what_it_also_has():
    made = replace(MADE, size=16, across=(0, 31)).within(first_view(WORLD, "fashion-mnist"), WORLD)
    assert (made.maps, made.epoch, made.alpha, made.size) == ("smooth-grad", 42, 0.6, 16)
    assert made.teacher == made.network == "lipschitz" and made.across == (7, 20)
    assert replace(MADE, size=51).within(CHOICE, WORLD).size == 16
