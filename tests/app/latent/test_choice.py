"""The Latent page's choice: links there and back, absurd values refused, and what belongs to a picture goes with it."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from app.latent.choice import AXES, LatentChoice
from app.state.choice import Options, change, default
from core.data.tasks import task_named
from tests.helpers.synthetic.latent import LATENT, write_autoencoders

WORLD = Options(
    {"cifar10": ("standard", "pgd-l2"), "fashion-mnist": ("standard", "pgd-l2")},
    dict.fromkeys(("cifar10", "fashion-mnist"), ("photo:chelsea", "photo:coffee")),
)
CHOICE = default(WORLD, "fashion-mnist")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_autoencoders(tmp_path_factory.mktemp("generators"), ("fashion-mnist",))


@pytest.fixture(autouse=True)
def generators(folder, monkeypatch):
    monkeypatch.setenv("ROBUSTSCOPE_GENERATORS", str(folder))


def code(*numbers: float) -> str:
    return base64.urlsafe_b64encode(np.array(numbers, "<f2").tobytes()).decode().rstrip("=")


GOOD = code(*np.linspace(-1, 1, LATENT))


def test_a_link_there_and_back_is_the_same_view():
    link = {
        "as": "bag", "code": GOOD, "moves": "0.5,-4,0,0,1.25", "to": "coat", "with": "photo:coffee", "mix": "-2",
        "decay": "0.3", "noise": "1.5", "draw": "7", "scrub": "noise", "centre": "1", "around": "0.75", "cast": "3",
    }  # fmt: skip
    found, notes = LatentChoice.read(link, CHOICE, WORLD)
    assert notes == [] and found.to_query() == link
    assert found.at == (0.5, -4.0, 0.0, 0.0, 1.25, -2.0, 0.3, 1.5)
    first, notes = LatentChoice.read({}, CHOICE, WORLD)
    assert notes == [] and first.to_query() == {}


@pytest.mark.parametrize(
    ("absurd", "word"),
    [
        (code(*[np.nan] * LATENT), "finite"),
        (code(*[np.inf] * LATENT), "finite"),
        (code(*[6e4] * LATENT), "norm"),
        (code(*[0.1] * (LATENT + 1)), f"the generator takes {LATENT}"),
        ("1e9", f"the generator takes {LATENT}"),
        ("<script>" * 99, "not one that this page writes"),
        ("ü" * 8, "not one that this page writes"),
    ],
)
def test_an_absurd_code_is_refused_with_a_sentence(absurd, word):
    found, notes = LatentChoice.read({"code": absurd}, CHOICE, WORLD)
    (note,) = notes
    assert (
        found.code == "" and word in note and "script" not in note and note.endswith("The picture's own code is used.")
    )


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("as", "cat"), ("moves", "0,0,0,0"), ("moves", "0,0,0,0,4.5"), ("moves", "nan,0,0,0,0"),
        ("moves", "1e9,0,0,0,0"), ("to", "cat"), ("mix", "5"), ("decay", "1.5"), ("decay", "-0.1"), ("noise", "2.5"),
        ("noise", "inf"), ("draw", "0"), ("scrub", "x"), ("centre", "0.7"), ("with", "photo:none"), ("around", "3"),
        ("cast", "-1"),
    ],
)  # fmt: skip
def test_what_is_not_possible_is_named_and_left_as_it_was(name, given):
    found, (note,) = LatentChoice.read({name: given}, CHOICE, WORLD)
    assert f"`{name}`" in note and found == LatentChoice()


def test_another_picture_has_another_code_and_sliders_at_rest():
    found, _ = LatentChoice.read(
        {"as": "bag", "code": GOOD, "moves": "1,0,0,0,0", "noise": "1", "around": "1"}, CHOICE, WORLD
    )
    assert found.within(CHOICE, WORLD) == found
    other = found.within(change(CHOICE, "image", "photo:coffee", WORLD), WORLD)
    assert other == LatentChoice(around=1.0)
    assert found.within(replace(CHOICE, invert=True), WORLD).code == ""


def test_a_start_of_ones_own_puts_the_sliders_to_rest_and_every_axis_has_a_slider():
    found = LatentChoice().within(CHOICE, WORLD)
    for axis in AXES:
        found = found.change(axis, 1, CHOICE, WORLD)
    assert found.at == (1.0,) * 8
    assert found.change("start", ("coat", GOOD), CHOICE, WORLD).at == (0.0,) * 8
    assert found.change("start", ("coat", "x"), CHOICE, WORLD) == found
    assert found.change("rest", None, CHOICE, WORLD).at == (0.0,) * 8
    turned = found.change("towards", "coat", CHOICE, WORLD)
    assert turned.mix == 0.0 and turned.at[:5] == found.at[:5]


def test_the_class_slider_never_leads_to_the_class_itself():
    task = task_named("fashion-mnist")
    assert LatentChoice().way(task, 0) == 1 and LatentChoice().way(task, 3) == 0
    assert LatentChoice(towards="bag").way(task, 3) == task.class_names.index("bag")
    assert LatentChoice(towards="bag").way(task, task.class_names.index("bag")) == 0
    found, _ = LatentChoice.read({"as": "bag", "to": "bag", "mix": "1"}, CHOICE, WORLD)
    assert found.towards == ""


def test_without_a_generator_a_code_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("ROBUSTSCOPE_GENERATORS", str(tmp_path))
    found, (note,) = LatentChoice.read({"code": GOOD}, CHOICE, WORLD)
    assert found.code == "" and "there is no generator" in note
