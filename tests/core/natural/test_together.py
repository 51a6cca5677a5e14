"""Several natural changes at once: exact where that is known, never larger than one alone, checked as it is made."""

import math

import pytest
import torch
from torch import Tensor

from core.errors import ConfigError, InputError
from core.natural import together
from core.natural.catalogue import CHANGES, changed
from core.natural.smallest import smallest_change
from core.natural.together import smallest_together
from core.progress import StoppedError
from tests.helpers.linear import light_above

GREY = torch.full((1, 3, 16, 16), 0.4)


def noise_picture() -> Tensor:
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.4


def test_where_light_and_fog_both_lighten_a_grey_picture_they_share_the_way_as_their_slopes():
    """The nearest point of a line is along its normal: shares go as the slopes, their length is the gap over theirs."""
    slopes = {
        key: float(CHANGES[key](GREY, 0.01).mean() - 0.4) * 100 * CHANGES[key].high for key in ("brightness", "fog")
    }
    found = smallest_together(light_above(0.537), GREY)
    shares = {key: found.amounts[key] / CHANGES[key].high for key in slopes}
    assert found.size == pytest.approx(0.137 / math.hypot(*slopes.values()), rel=0.02)
    assert shares["brightness"] / shares["fog"] == pytest.approx(slopes["brightness"] / slopes["fog"], rel=0.3)
    alone = smallest_change(light_above(0.537), GREY, CHANGES["brightness"])
    assert found.size < 0.85 * alone.share and (found.label, found.answer) == (0, 1)


def test_what_is_found_is_answered_otherwise_as_it_is_made_and_a_little_less_is_not():
    x = noise_picture()
    classifier = light_above(float(x.mean()) + 0.1)
    found = smallest_together(classifier, x)
    assert torch.equal(torch.from_numpy(found.x), changed(x, found.amounts)[0])
    assert int(classifier(changed(x, found.amounts)).argmax()) == found.answer != found.label
    rest = {key: CHANGES[key].rest for key in found.amounts}
    less = {key: rest[key] + 0.98 * (amount - rest[key]) for key, amount in found.amounts.items()}
    assert int(classifier(changed(x, less)).argmax()) == found.label
    shares = [CHANGES[key].share(amount) for key, amount in found.amounts.items()]
    assert found.size == pytest.approx(math.hypot(*shares), rel=1e-5)


def test_it_is_no_larger_than_what_is_known_and_the_same_at_every_call():
    x, classifier = noise_picture(), light_above(0.25)
    alone = smallest_change(classifier, x, CHANGES["brightness"])
    first = smallest_together(classifier, x, {"brightness": alone.amount})
    assert 0 < first.size <= alone.share + 1e-6
    assert first.amounts == smallest_together(classifier, x, {"brightness": alone.amount}).amounts


def test_what_is_known_is_kept_where_the_search_finds_nothing():
    """A step has no slope that leads anywhere: what is known is all there is."""

    def step(x: Tensor) -> Tensor:
        dark = (x.mean((1, 2, 3)) < 0.1).float() + 0 * x.mean((1, 2, 3))
        return torch.stack([0.5 - dark, dark - 0.5], 1)

    assert not smallest_together(step, GREY).found
    found = smallest_together(step, GREY, {"brightness": -0.4})
    assert found.found and found.amounts["brightness"] == pytest.approx(-0.3, abs=1e-3) and len(found.amounts) == 1


def test_where_nothing_changes_the_answer_that_is_said():
    found = smallest_together(light_above(2.0), GREY)
    assert not found.found and found.amounts == {} and math.isinf(found.size) and found.answer == found.label == 0


def test_a_grey_task_has_no_colours_to_change_and_large_pictures_are_looked_at_in_parts(monkeypatch):
    monkeypatch.setattr(together, "CHUNK", 2 * 4 * 16 * 16)
    seen: list[int] = []

    def classifier(x: Tensor) -> Tensor:
        seen.append(len(x))
        return light_above(0.5)(x)

    found = smallest_together(classifier, torch.full((1, 1, 16, 16), 0.45))
    assert found.found and not {*found.amounts} & {"hue", "saturation"} and max(seen) == 2


def test_progress_is_told_and_a_stop_is_obeyed():
    told: list[tuple[int, int]] = []
    smallest_together(light_above(0.5), GREY, on_progress=lambda done, of: told.append((done, of)))
    assert told[-1][0] == told[-1][1] == len(told)
    with pytest.raises(StoppedError):
        smallest_together(light_above(0.5), GREY, should_stop=lambda: True)


def test_what_can_not_be_searched_is_refused():
    with pytest.raises(InputError, match="one picture"):
        smallest_together(light_above(0), GREY.expand(2, -1, -1, -1))
    with pytest.raises(ConfigError, match="jpeg"):
        smallest_together(light_above(0), GREY, {"jpeg": 50})
    with pytest.raises(InputError, match="not finite"):
        smallest_together(lambda x: x.mean((2, 3)) * math.nan, GREY)
