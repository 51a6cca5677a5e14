"""What a room's answers amount to, against figures worked out elsewhere."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from core.metrics.intervals import wilson
from core.models.zoo import load_zoo_model
from core.workshop.agreement import nominal_alpha
from core.workshop.sessions import Plan, prepare
from core.workshop.state import Round
from core.workshop.summary import pool, sentence, shares, sign_flip_p, summarise
from tests.helpers.workshop import plain_round

NAMES = {"standard": "Standard", "pgd-l2": "Robust"}


def as_round() -> Round:
    made = plain_round(subjects=4, each=2)
    return Round(1, 1, 0, "guess", dict(made.settings) | {"names": NAMES}, made.items)


def test_alpha_is_that_of_krippendorffs_own_example():
    """Krippendorff 2011, Sec. C: four observers, twelve units, missing values; nominal alpha 0.743."""
    observers = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    answers = [(unit, value) for row in observers for unit, value in enumerate(row) if value != "."]
    assert nominal_alpha(answers) == pytest.approx(0.743421, abs=1e-6)


def test_alpha_is_one_in_agreement_and_undefined_where_nothing_could_differ():
    assert nominal_alpha([(0, "a"), (0, "a"), (1, "b"), (1, "b")]) == 1
    assert nominal_alpha([(0, "a"), (0, "a"), (1, "a"), (1, "a")]) is None
    assert nominal_alpha([(0, "a"), (1, "b")]) is None
    assert nominal_alpha([(0, "a"), (0, "b"), (0, "b")]) is None, "a poll's one question says nothing of agreement"
    assert nominal_alpha([(0, "a"), (0, "b"), (1, "a"), (1, "b")]) < 0


def test_the_sign_flip_test_is_the_enumeration_of_all_signs():
    differences = np.array([0.5, 0.25, -0.25, 0.5, 0.0, 1.0])
    every = [abs(np.dot(signs, differences)) for signs in itertools.product([1, -1], repeat=6)]
    assert sign_flip_p(differences) == pytest.approx(np.mean(np.array(every) >= differences.sum() - 1e-9))


def test_drawn_signs_agree_with_all_of_them():
    differences = np.tile([0.5, -0.25, 0.25, 0.0], 5)[:14]
    exact = sign_flip_p(differences)
    drawn = sign_flip_p(np.concatenate([differences, np.zeros(3)]))  # zeros change no sum, and 17 people are drawn
    assert drawn == pytest.approx(exact, abs=0.01)
    assert sign_flip_p(np.ones(20)) == pytest.approx(1 / 20_001)


def test_the_rooms_sentence_says_what_was_counted():
    round_ = as_round()
    tallies = {}
    for index, item in enumerate(round_.items):  # "yes" is right under the robust network, "no" under the other
        tallies[index, "yes"] = 7 if item.condition == "pgd-l2" else 6
        tallies[index, "no"] = 3 if item.condition == "pgd-l2" else 4
    standard, robust = shares(round_, tallies)
    assert (standard.hits, standard.n, robust.hits, robust.n) == (16, 40, 28, 40)
    assert (robust.low, robust.high) == wilson(28, 40)
    assert sentence(round_, tallies).startswith(
        "The room guessed 40 % from the maps of “Standard” and 70 % from the maps of “Robust”."
    )


@pytest.mark.parametrize(
    ("hits", "said"),
    [
        ((6, 4, 0), "Most of the room (60 %) says: “Yes”."),
        ((4, 3, 3), "The largest part of the room (40 %) says: “Yes”."),
        ((2, 4, 4), "The room is split: 40 % each for “No” and “It depends”."),
    ],
)
def test_a_poll_has_a_majority_only_where_it_has_one(hits, said):
    plan = Plan("poll", (), {"prompt": "Trust it?", "options": ("Yes", "No", "It depends")})
    (made,) = prepare([plan], "cifar10", load_zoo_model, ())
    round_ = Round(1, 1, 0, "poll", made.settings, made.items)
    assert sentence(round_, {(0, str(place)): count for place, count in enumerate(hits)}) == said


def test_people_are_compared_with_themselves():
    """Three people, each right on the robust network's map alone: a difference of 1, p = 2 / 2**3."""
    round_ = as_round()
    answers, tallies = [], {}
    for number in range(3):
        for index, item in enumerate(round_.items[2 * number : 2 * number + 2], 2 * number):
            answers.append((number, index, "yes"))
            tallies[index, "yes"] = tallies.get((index, "yes"), 0) + 1
            assert item.condition in NAMES
    found = summarise(round_, tallies, answers).comparisons[0]
    assert (found.difference, found.people, found.p) == (1.0, 3, 0.25)
    assert (found.first, found.second) == ("Standard", "Robust")


def test_nobody_is_no_answer():
    round_ = as_round()
    assert sentence(round_, {}) == "Nobody has answered yet."
    assert summarise(round_, {}, ()).comparisons == ()
    assert [(bar.low, bar.high) for bar in shares(round_, {})] == [(0.0, 1.0)] * 2


def test_what_nobody_was_asked_about_is_no_share_of_none():
    made = as_round()
    second = {(index, "yes"): 2 for index, item in enumerate(made.items) if item.condition == "pgd-l2"}
    assert sentence(made, second).startswith("The room guessed 100 % from the maps of “Robust”. Blind guessing")
    mistake = replace(made, kind="mistake")
    fooled = {(index, "target"): count for (index, _), count in second.items()}
    assert sentence(mistake, fooled) == (
        "The room finds 100 % of the mistakes of “Robust” reasonable, and is itself fooled by 100 % of them."
    )
    items = [replace(item, facts={"p": 0.01}) for item in plain_round(2, ("normal", "attacked", "noisy"), 3).items]
    odd = Round(1, 1, 0, "odd", {"alpha": 0.05}, tuple(items))
    said = {(place, "odd"): 1 for place in range(3)}
    everything = "The room called 100 % of the attacked, 100 % of the noisy and 100 % of the normal pictures odd; the "
    assert sentence(odd, said) == f"{everything}detector 100 %, 100 % and 100 %."
    assert sentence(odd, {(1, "odd"): 1}) == "The room called 100 % of the attacked pictures odd; the detector 100 %."


def test_workshops_are_pooled_with_their_spread():
    round_ = as_round()
    rooms = [shares(round_, {(1, "yes"): yes, (1, "no"): 10 - yes}) for yes in (4, 6, 8)]
    (robust,) = pool(rooms)  # the other bar has no answers in any room
    assert robust.rooms == (0.4, 0.6, 0.8) and robust.spread == pytest.approx(0.2)
    assert (robust.together.hits, robust.together.n) == (18, 30)
    assert pool(rooms[:1])[0].spread is None
