"""When a view of a workshop is drawn a second time."""

from types import SimpleNamespace

import pytest

from app.workshop import twice


@pytest.fixture(autouse=True)
def session(monkeypatch):
    monkeypatch.setattr(twice, "st", SimpleNamespace(session_state={}))


def draw(view) -> bool:
    """Whether it was due while it was drawn."""
    twice.begin()
    found = twice.due()
    twice.end(view)
    return found


def test_a_view_is_drawn_twice_and_no_more():
    assert not draw("lobby") and twice.due(), "the first look asks for the second drawing"
    assert not draw("lobby") and not twice.due(), "which is the last: a page must not draw itself for ever"
    assert not draw("question") and twice.due()


def test_a_part_that_was_drawn_asks_for_all_of_it_once():
    for _ in range(2):
        draw("question")
    twice.again()
    assert twice.due() and not twice.due()
