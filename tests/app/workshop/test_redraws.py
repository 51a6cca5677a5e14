"""When a view of a workshop is drawn again."""

from types import SimpleNamespace

import pytest

from app.workshop import redraws


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    found = SimpleNamespace(now=100.0)
    monkeypatch.setattr(redraws, "st", SimpleNamespace(session_state={}))
    monkeypatch.setattr(redraws.time, "monotonic", lambda: found.now)
    return found


def draw(view, whole: bool = True) -> None:
    """A drawing of the page, which may be broken off."""
    redraws.begin()
    assert not redraws.due(), "a page that is drawn must not ask for itself"
    if whole:
        redraws.end(view)


def looks(clock, view, seconds: int) -> list[float]:
    """A look each second, which draws the page where that is due: the seconds in which it did."""
    begun, drawn = clock.now, []
    for _ in range(seconds):
        clock.now += 1.0
        if redraws.due():
            draw(view)
            drawn.append(clock.now - begun)
    return drawn


def test_a_view_is_drawn_by_the_first_look_and_twice_later_and_no_more(clock):
    draw("lobby")
    assert looks(clock, "lobby", 100) == [1, 6, 21]
    draw("question")
    assert looks(clock, "question", 3) == [1]
    draw("reveal")
    assert looks(clock, "reveal", 100) == [1, 6, 21]


def test_what_is_drawn_again_for_another_reason_begins_nothing_anew(clock):
    draw("question")
    looks(clock, "question", 100)
    draw("question")
    assert looks(clock, "question", 100) == []


def test_a_part_that_was_drawn_asks_for_all_of_it(clock):
    draw("question")
    looks(clock, "question", 100)
    redraws.again()
    assert looks(clock, "question", 100) == [1, 6, 21]


def test_a_drawing_that_is_broken_off_does_not_stand_for_one_that_arrived(clock):
    draw("lobby")
    looks(clock, "lobby", 100)
    draw("question", whole=False)
    draw("question")
    assert looks(clock, "question", 100) == [1, 6, 21]


def test_before_anything_was_drawn_nothing_is_due():
    assert not redraws.due()
