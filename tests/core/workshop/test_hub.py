"""One look for all: what a server asks the database does not grow with sessions, nor with answers."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import event

from core.workshop import leading, reading, taking_part
from core.workshop.assignment import assigned
from core.workshop.database import Database
from core.workshop.hub import Hub
from core.workshop.notices import listen
from tests.helpers.waiting import until
from tests.helpers.workshop import plain_round


@pytest.fixture
def statements(database):
    """Every SELECT that the database is asked."""
    asked: list[str] = []

    def note(connection, cursor, statement, *rest):
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(database._engine, "before_cursor_execute", note)
    return asked


def test_a_change_is_read_once_for_all_sessions(database, statements):
    """Sixty sessions ask four times each: one look, and the same few queries after one answer as after forty."""
    ticks = [0.0]
    hub = Hub(database, 0.5, lambda: ticks[0])
    workshop, key = leading.open_workshop(database, "T", [plain_round()])
    leading.move(database, leading.lead(database, workshop.code, key, ""), True, 0)
    (round_,) = hub.room(workshop.id).rounds

    def asked() -> int:
        ticks[0] += 1
        statements.clear()
        with ThreadPoolExecutor(8) as pool:
            rooms = list(pool.map(lambda _: hub.room(workshop.id), range(240)))
        assert len({room.workshop.version for room in rooms}) == 1
        return len(statements)

    def answer(number: int) -> None:
        seat = taking_part.join(database, workshop.id, f"phone {number}")
        for item in assigned(round_.items, round_.each, seat.number, seat.seed, workshop.seed):
            taking_part.answer(database, seat, round_, item, "yes")

    assert asked() == 1, "nothing changed: the version alone is read"
    answer(0)
    after_two = asked()
    for number in range(1, 20):
        answer(number)
    assert asked() == after_two <= 8
    assert hub.room(workshop.id).answers == 40


def test_what_changed_here_is_seen_at_once(database):
    hub = Hub(database, 60.0)
    workshop, key = leading.open_workshop(database, "T", [plain_round()])
    assert hub.room(workshop.id).workshop.phase == "lobby"
    leading.move(database, leading.lead(database, workshop.code, key, ""), True, 0)
    assert hub.room(workshop.id).workshop.phase == "lobby"
    hub.changed(workshop.id)
    assert hub.room(workshop.id).workshop.phase == "question"


@pytest.mark.slow
@pytest.mark.xdist_group("postgresql")
def test_postgresql_tells_the_other_server(request, postgresql):
    """A server that looks once a minute alone knows within two seconds what another one did."""
    one, other = Database(postgresql), Database(postgresql)
    hub, stopped = Hub(other, 60.0), Event()
    heard: list[int] = []

    def changed(workshop: int) -> None:
        heard.append(workshop)
        hub.changed(workshop)

    thread = listen(other, changed, stopped)
    try:
        workshop, key = leading.open_workshop(one, "T", [plain_round()])
        leader = leading.lead(one, workshop.code, key, "")
        until(lambda: leading.hide(one, leader, 0) or time.sleep(0.1) or heard, "the listener to listen", 20)
        hub.room(workshop.id)
        now = reading.room(one, workshop.id, {}).workshop
        leading.move(one, leader, True, now.step)
        until(lambda: hub.room(workshop.id).workshop.phase == "question", "the notice", 2)
    finally:
        stopped.set()
        thread.join(10)
        one.close()
        other.close()
