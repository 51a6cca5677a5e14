"""The views of the tour are about what ships, and their rules find what they say they look for."""

import numpy as np
import pytest

from core.anomaly.calibration import calibration_path, read_calibration
from core.anomaly.verdict import judge
from core.checksums import write_checked
from core.errors import InputError
from core.explanations.prediction import predict
from core.tour.rules import ALPHA, RULES, TITLES, Shipped
from core.tour.view import View, Views, read_views, write_views

MADE = read_views()
BY_KEY = {view.key: view for view in MADE.views}


def test_eight_views_ship_and_each_is_about_pictures_and_networks_that_ship():
    assert MADE.command == "robustscope choose-views" and [*BY_KEY] == [*TITLES] and len(RULES) == 8
    for view in MADE.views:
        here = Shipped(view.task)
        assert view.picture in here.gallery.items and {*view.query["models"].split(",")} == {*view.networks}
        assert view.networks == {key: here.model(key).card.sha256 for key in view.networks}


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1, 3, 5, 6, 7])  # the costly two are checked by what they promise
def test_a_rule_finds_what_ships_again(place):
    rule, task = RULES[place]
    again = rule(Shipped(task))
    assert again == BY_KEY[again.key]


@pytest.mark.slow
def test_the_attack_that_no_detector_sees_turns_the_answer_and_is_not_flagged():
    view = BY_KEY["unseen"]
    here = Shipped(view.task)
    model = here.model("standard")
    calibration = read_calibration(model, calibration_path(view.task, "standard"))
    verdict = judge(model, calibration, here.image(view.picture), view.query["push"])
    answers, step = verdict.probs.argmax(1), int(view.query["step"])
    assert answers[step] != answers[0] == here.gallery.items[view.picture].label
    assert not verdict.flags(ALPHA, step) and here.name(int(answers[step])) in view.sentence
    assert f"none of its {len(calibration.detectors)} detectors" in view.sentence  # those that came later, too


def test_the_networks_that_disagree_do():
    view = BY_KEY["disagree"]
    here = Shipped(view.task)
    seen = [predict(here.model(key), here.image(view.picture)) for key in view.networks]
    assert seen[0].target != seen[1].target
    assert all(here.name(one.target) in view.sentence for one in seen)


def test_views_come_back_as_written_and_a_damaged_file_is_refused(tmp_path):
    made = Views(
        "command", (View("k", "compare", {"task": "cifar10", "image": "photo:coffee"}, "S.", {"standard": "0"}),)
    )
    path = tmp_path / "views.json"
    assert read_views(path).views == ()
    write_views(made, path)
    assert read_views(path) == made
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError):
        read_views(path)
    write_checked(path, b'{"views": [{"key": 1}]}\n')
    with pytest.raises(InputError, match="no views"):
        read_views(path)


def test_the_robust_map_lies_on_the_object_more_than_the_object_is_large():
    """The sentence's three figures, read back: robust, standard, even."""
    shares = [int(word) for word in BY_KEY["traced"].sentence.replace("%", " ").split() if word.isdigit()]
    robust, standard, even = shares
    assert np.all(np.array([robust, standard, even]) > 0) and robust > standard and robust > even
