"""The choice in a link: what is written is read back, and what anyone else wrote is checked."""

from dataclasses import replace

import pytest

from app.state.choice import Choice, Options, change, default, read, within
from core.decoding.window import AS_IT_CAME, Window
from core.metrics.box import Box

WORLD = Options(
    {"cifar10": ("standard", "pgd-l2", "pgd-linf", "trades", "noise"), "fashion-mnist": ("standard", "lipschitz")},
    {
        "cifar10": ("photo:astronaut", "photo:chelsea", "generated:01", "test:0", "test:7"),
        "fashion-mnist": ("generated:01", "test:0", "test:7", "photo:astronaut", "photo:chelsea"),
    },
)
CHOICE = Choice("cifar10", ("pgd-l2", "trades"), "test:7", "letterbox", False, "l2", 0.35)


def test_a_first_visit_has_three_models_a_photograph_and_no_complaint():
    choice, notes = read({}, WORLD)
    assert choice == Choice("cifar10", ("standard", "pgd-linf", "pgd-l2"), "photo:chelsea", "crop", False, "linf", 2.0)
    assert notes == []


@pytest.mark.parametrize(
    "choice",
    [
        CHOICE,
        replace(CHOICE, norm="linf", strength=16.0, models=("noise",)),
        replace(CHOICE, strength=0.0, invert=True),
        replace(CHOICE, box=Box(0, 0, 32, 32)),
        replace(CHOICE, box=Box(31, 4, 1, 28), fill="test:0"),
        Choice("fashion-mnist", ("lipschitz", "standard"), "test:0", "crop", True, "linf", 26.0),
        Choice("fashion-mnist", ("standard",), "photo:chelsea", "crop", False, "l2", 2.85),
    ],
)
def test_a_link_restores_the_view(choice):
    assert read(choice.to_query(), WORLD) == (choice, [])


def test_a_link_carries_no_digest_of_an_uploaded_picture_and_says_that_it_is_missing():
    query = replace(CHOICE, image="upload:5f3a").to_query()
    assert "5f3a" not in str(query)
    choice, notes = read(query, WORLD)
    assert choice == replace(CHOICE, image="photo:chelsea")
    assert len(notes) == 1 and "upload it again" in notes[0]


HOSTILE = [
    "",
    "nan",
    "inf",
    "-1",
    "1e3",
    "999999",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "٤",
    "0x8",
    "8 ",
    "\x00",
    "x" * 9999,
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["task", "models", "image", "fit", "invert", "norm", "epsilon", "pixels", "fill"])
def test_a_hostile_value_is_replaced_with_a_sentence_that_does_not_repeat_it(name, value):
    choice, notes = read({name: value}, WORLD)
    assert choice == read({}, WORLD)[0]
    assert len(notes) == 1 and f"`{name}`" in notes[0]
    assert len(value) < 4 or value not in notes[0]


def test_a_link_cannot_name_an_upload_of_somebody_else():
    choice, notes = read({"image": "upload:5f3a"}, WORLD)
    assert choice.image == "photo:chelsea" and notes


def test_known_models_of_a_link_are_kept_up_to_four_and_the_loss_is_said():
    choice, notes = read({"models": "trades,unknown,trades,standard"}, WORLD)
    assert choice.models == ("trades", "standard") and len(notes) == 1
    choice, notes = read({"models": "standard,pgd-l2,pgd-linf,trades,noise"}, WORLD)
    assert choice.models == ("standard", "pgd-l2", "pgd-linf", "trades") and len(notes) == 1


def test_unknown_parameters_are_nobodys_business():
    assert read({"utm_source": "mail"}, WORLD) == read({}, WORLD)


def test_a_new_norm_keeps_the_strength_relative_to_the_reported_radius():
    choice = default(WORLD)
    eight = change(choice, "strength", 8, WORLD)
    assert change(eight, "norm", "l2", WORLD).strength == 0.5
    assert change(change(eight, "norm", "l2", WORLD), "norm", "linf", WORLD).strength == 8


def test_a_new_task_keeps_what_it_also_has():
    chosen = replace(CHOICE, image="photo:astronaut", models=("trades", "standard"))
    other = change(chosen, "task", "fashion-mnist", WORLD)
    assert (other.task, other.models, other.image, other.norm) == (
        "fashion-mnist",
        ("standard",),
        "photo:astronaut",
        "l2",
    )
    assert change(other, "task", "cifar10", WORLD).image == "photo:astronaut"
    assert change(replace(CHOICE, image="upload:5f"), "task", "fashion-mnist", WORLD).image == "upload:5f"


@pytest.mark.parametrize("image", ["test:7", "generated:01", "photo:chelsea"])
def test_a_new_task_begins_with_its_own_picture_where_the_old_one_means_another_or_was_not_chosen(image):
    other = change(replace(CHOICE, models=("trades",), image=image), "task", "fashion-mnist", WORLD)
    assert other.models == ("standard", "lipschitz") and other.image == "generated:01"
    assert change(other, "task", "cifar10", WORLD).image == "photo:chelsea"


def test_a_grey_task_begins_with_a_picture_of_its_own():
    assert default(WORLD, "fashion-mnist").image == "generated:01"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", "imagenet"),
        ("models", []),
        ("models", ["standard", "unknown"]),
        ("models", ["standard"] * 2),
        ("models", ["standard", "pgd-l2", "pgd-linf", "trades", "noise"]),
        ("image", "photo:nobody"),
        ("fit", "stretch"),
        ("norm", "l1"),
        ("strength", 1.05),
        ("strength", -0.05),
        ("strength", float("nan")),
        ("invert", 1),
    ],
)
def test_a_value_that_a_widget_could_not_have_sent_changes_nothing(field, value):
    assert change(CHOICE, field, value, WORLD) == CHOICE


def test_epsilon_in_pixel_units():
    assert CHOICE.dial.epsilon(CHOICE.strength) == 0.35
    assert replace(CHOICE, norm="linf", strength=8.0).dial.epsilon(8.0) == pytest.approx(8 / 255)


def test_a_network_that_is_gone_leaves_the_view_and_the_rest_stays():
    assert within(CHOICE, WORLD) == CHOICE
    assert within(replace(CHOICE, models=("own-gone", "trades")), WORLD) == replace(CHOICE, models=("trades",))
    assert within(replace(CHOICE, models=("own-gone",)), WORLD).models == default(WORLD).models
    assert within(replace(CHOICE, task="tiny20"), WORLD) == default(WORLD)


WINDOWS = [Window("stretch"), Window("percentiles", 0.5, 99.5), Window("values", -160, 240)]
NONE = ["percentiles:99:1", "percentiles:-1:101", "values:1:1", "values:1", "level"]


@pytest.mark.parametrize("window", WINDOWS)
def test_a_link_restores_the_window_of_a_gallery_picture(window):
    choice = replace(CHOICE, window=window)
    assert read(choice.to_query(), WORLD) == (choice, [])
    assert "window" not in CHOICE.to_query()


@pytest.mark.parametrize("text", [*HOSTILE, *NONE])
def test_a_window_that_is_none_is_said_and_the_picture_comes_as_its_file_says(text):
    choice, notes = read(CHOICE.to_query() | {"window": text}, WORLD)
    assert choice == CHOICE
    assert len(notes) == 1 and "`window`" in notes[0] and (len(text) < 4 or text not in notes[0])


def test_the_window_of_ones_own_picture_stays_in_the_session_and_goes_with_the_picture():
    own = replace(CHOICE, image="upload:5f3a")
    windowed = change(own, "window", Window("values", 1234.567890123, 4000), WORLD)
    assert windowed.window == Window("values", 1234.56789, 4000)
    assert windowed.to_query() == own.to_query()
    assert change(windowed, "task", "fashion-mnist", WORLD).window == windowed.window
    assert change(windowed, "image", "test:0", WORLD).window == AS_IT_CAME
    assert change(own, "window", "stretch", WORLD) is own


def test_where_somebody_points_in_their_own_picture_stays_in_the_session():
    own = replace(CHOICE, image="upload:5f3a")
    pointed = change(own, "box", Box(2, 3, 20, 20), WORLD)
    assert pointed.box == Box(2, 3, 20, 20) and pointed.to_query() == own.to_query()


@pytest.mark.parametrize(
    "text",
    ["0,0,33,1", "30,30,4,4", "1,2,3", "1,2,3,4,5", "0,0,0,4", "-1,0,2,2", "1.5,0,2,2", "0,0,99999,1", "a,b,c,d"],
)
def test_a_box_outside_of_the_picture_or_of_no_numbers_is_refused_in_a_sentence(text):
    choice, notes = read({"pixels": text}, WORLD)
    assert choice.box is None
    assert len(notes) == 1 and "inside of the picture's 32 rows and 32 columns" in notes[0] and text not in notes[0]


def test_a_box_stays_on_another_picture_and_goes_with_a_task_that_it_does_not_fit():
    pointed = replace(CHOICE, box=Box(2, 3, 20, 20), fill="photo:chelsea")
    assert change(pointed, "image", "test:0", WORLD).box == Box(2, 3, 20, 20)
    garments = change(pointed, "task", "fashion-mnist", WORLD)
    assert (garments.box, garments.fill) == (Box(2, 3, 20, 20), "photo:chelsea")
    wide = replace(pointed, box=Box(2, 3, 27, 20), fill="test:7")
    assert change(wide, "task", "fashion-mnist", WORLD).box is None  # of 28 rows
    for value in (Box(0, 0, 33, 1), (0, 0, 2, 2), "0,0,2,2", True):
        assert change(pointed, "box", value, WORLD) == pointed
    assert change(pointed, "box", None, WORLD).box is None
