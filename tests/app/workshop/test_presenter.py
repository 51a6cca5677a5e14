"""When the presenter's page is drawn again by its own look at the room."""

from types import SimpleNamespace

import pytest

from app.workshop import presenter, redraws
from core.workshop import leading, reading, taking_part
from core.workshop.database import Database
from core.workshop.state import Room
from tests.helpers.workshop import plain_round


class RerunError(Exception):
    """What Streamlit's own does to a run."""


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'workshops.db'}")
    yield made
    made.close()


def test_who_comes_and_what_is_offered_is_drawn_in_the_panel_too(database, monkeypatch):
    """The panel lies outside of the fragments: it said that nobody was there while names stood beside it."""

    def rerun() -> None:
        raise RerunError

    monkeypatch.setattr(presenter, "st", SimpleNamespace(rerun=rerun))
    monkeypatch.setattr(redraws, "due", lambda: False)
    workshop, key = leading.open_workshop(database, "T", [plain_round()])
    leader = leading.leader_of(database, workshop.code, key)

    def now(number: int) -> Room:
        return reading.room(database, number, {})

    monkeypatch.setattr(presenter, "hub", lambda: SimpleNamespace(room=now))
    drawn = presenter._shown(now(workshop.id))
    presenter._again(leader, drawn)
    seat = taking_part.join(database, workshop.id, "a" * 32, "Ann")
    with pytest.raises(RerunError):
        presenter._again(leader, drawn)
    drawn = presenter._shown(now(workshop.id))
    presenter._again(leader, drawn)
    taking_part.offer(database, seat, b"\x89PNG")
    with pytest.raises(RerunError):
        presenter._again(leader, drawn)
