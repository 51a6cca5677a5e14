"""Ribbons and the smallest change: exact where the answer is known, and a little less never changes it."""

import math

import pytest
import torch
from torch import Tensor

from core.errors import ConfigError, InputError
from core.natural.catalogue import CHANGES
from core.natural.ribbons import positions_at, ribbon
from core.natural.smallest import smallest_change
from tests.helpers.linear import light_above

GREY = torch.full((1, 3, 16, 16), 0.4)


@pytest.mark.parametrize(("threshold", "amount"), [(0.537, 0.137), (0.31, -0.09)])
def test_on_a_linear_classifier_the_smallest_change_is_where_its_line_is_crossed(threshold, amount):
    found = smallest_change(light_above(threshold), GREY, CHANGES["brightness"])
    assert found.found and found.amount == pytest.approx(amount, abs=1e-4)
    assert found.share == pytest.approx(abs(amount) / 0.6, abs=1e-4)
    assert (found.label, found.answer) == ((0, 1) if threshold > 0.4 else (1, 0))


@pytest.mark.parametrize("key", ["brightness", "fog", "occlusion", "jpeg"])
def test_what_is_found_changes_the_answer_and_a_little_less_does_not(key):
    """2 % less; of JPEG, whose qualities are whole, the next one."""
    change, x = CHANGES[key], torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.4
    end = change(x, change.high if key != "jpeg" else change.low).mean()
    classifier = light_above(float((x.mean() + end) / 2))
    found = smallest_change(classifier, x, change)
    less = found.amount + 1 if change.whole else change.rest + 0.98 * (found.amount - change.rest)
    answers = [int(classifier(change(x, at)).argmax()) for at in (change.rest, less, found.amount)]
    assert answers == [found.label, found.label, found.answer] and found.answer != found.label
    assert torch.equal(torch.from_numpy(found.x), change(x, found.amount)[0])
    assert change.share(found.kept) < change.share(found.amount) == found.share


def test_where_nothing_changes_the_answer_that_is_said():
    found = smallest_change(light_above(2.0), GREY, CHANGES["fog"], steps=4)
    assert not found.found and found.amount == 0 and math.isinf(found.share) and found.answer == found.label == 0
    assert found.step == 0.25


def test_of_two_sides_the_nearer_is_found():

    def turns(x: Tensor) -> Tensor:
        mean = x.mean((1, 2, 3))
        outside = torch.maximum(0.35 - mean, mean - 0.6)
        return torch.stack([-outside, outside], 1)

    found = smallest_change(turns, GREY, CHANGES["brightness"])
    assert found.found and found.amount == pytest.approx(-0.05, abs=1e-4)


def test_a_ribbon_is_what_the_classifier_answers_at_each_amount_with_the_others_where_they_are():
    classifier, change = light_above(0.55), CHANGES["brightness"]
    places = change.positions(13)
    row = ribbon([classifier, light_above(-1)], GREY, {"fog": 0.2, "brightness": 0.3}, "brightness", places)
    each = [int(classifier(change(CHANGES["fog"](GREY, 0.2), at)).argmax()) for at in places]
    assert row.predicted[0].tolist() == each and set(each) == {0, 1} and set(row.predicted[1]) == {1}
    assert row.x.shape == (2, 3, 16, 16) and row.x[0].mean() < row.x[1].mean()


def test_large_pictures_are_looked_at_in_parts():
    seen: list[int] = []

    def classifier(x: Tensor) -> Tensor:
        seen.append(len(x))
        return x.mean((2, 3))

    count = positions_at((3, 224, 224))
    assert count == 9 and positions_at((1, 28, 28)) == 33
    places = CHANGES["hue"].positions(25)
    ribbon([classifier], torch.rand(1, 3, 224, 224), {}, "hue", places)
    assert max(seen) <= 10 and sum(seen) == len(places) == 25


def test_what_can_not_be_searched_is_refused():
    with pytest.raises(ConfigError, match="steps"):
        smallest_change(light_above(0), GREY, CHANGES["fog"], 0)
    with pytest.raises(InputError, match="one picture"):
        smallest_change(light_above(0), GREY.expand(2, -1, -1, -1), CHANGES["fog"])
    with pytest.raises(InputError, match="not finite"):
        smallest_change(lambda x: x.mean((2, 3)) * math.nan, GREY, CHANGES["fog"])
    with pytest.raises(InputError, match="not finite"):
        ribbon([lambda x: x.mean((2, 3)) * math.nan], GREY, {}, "fog", [0.0, 1.0])
