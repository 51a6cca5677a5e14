"""What the database promises: each answer once, phases that a second click does not move, nothing lost in between."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, inspect, text

from core.errors import InputError
from core.workshop import leading, reading, taking_part
from core.workshop.assignment import assigned
from core.workshop.codes import ALPHABET, join_code, read_code
from core.workshop.database import Database
from core.workshop.schema import Base
from core.workshop.state import Seat
from tests.helpers.workshop import PNG, plain_round

BEGUN = 1  # steps until the first question


def begun(database, rounds=2, **settings):
    """A workshop at its first question, its presenter, and its rounds."""
    workshop, key = leading.open_workshop(database, "T", [plain_round(**settings)] * rounds)
    leader = leading.lead(database, workshop.code, key, "")
    leading.move(database, leader, True, 0)
    return workshop, leader, reading.room(database, workshop.id, {}).rounds


def mine(round_, seat: Seat, workshop) -> tuple[int, ...]:
    return assigned(round_.items, round_.each, seat.number, seat.seed, workshop.seed)


def test_the_migrations_make_the_tables_that_the_code_reads(database):
    with database.read() as connection:
        made = inspect(connection)
        assert set(made.get_table_names()) - {"alembic_version"} == set(Base.metadata.tables)
        for name, table in Base.metadata.tables.items():
            there = {column["name"]: column["nullable"] for column in made.get_columns(name)}
            assert there == {column.name: bool(column.nullable) for column in table.columns}


@pytest.mark.xdist_group("postgresql")
def test_a_database_without_an_encoding_gives_text_all_the_same(postgresql):
    """As PostgreSQL makes them on a machine without a locale; its driver gives bytes there unless told."""
    engine = create_engine(postgresql.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS bare"))
        connection.execute(text("CREATE DATABASE bare ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"))
    engine.dispose()
    opened = Database(postgresql.rpartition("/")[0] + "/bare")
    workshop, _ = leading.open_workshop(opened, "Größe", [plain_round()])
    assert reading.room(opened, workshop.id, {}).workshop.title == "Größe"
    opened.close()


def test_servers_that_start_at_once_all_come_up(url):
    """One makes the tables, the others wait for it; started one after the other they would show nothing."""
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Database(url), range(4)))
    with opened[-1].read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    for each in opened:
        each.close()


def test_an_answer_is_stored_once_however_often_it_comes(database):
    """A double click, two tabs with different answers, a reconnect: the first one stays, and is counted once."""
    workshop, _, (round_, _) = begun(database)
    seat = taking_part.join(database, workshop.id, "phone")
    item = mine(round_, seat, workshop)[0]
    first = taking_part.answer(database, seat, round_, item, "yes")
    again = taking_part.answer(database, seat, round_, item, "no")
    assert (first.new, again.new, again.value) == (True, False, "yes")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda value: taking_part.answer(database, seat, round_, item, value), ["yes", "no"] * 8))
    assert reading.room(database, workshop.id, {}).tallies == {(item, "yes"): 1}
    assert reading.answers_of(database, round_.id) == ((0, item, "yes"),)


def test_many_at_once_lose_nothing(database):
    """Twenty people answer at the same moment: counts, answers and people agree."""
    workshop, _, (round_, _) = begun(database)

    def person(number):
        seat = taking_part.join(database, workshop.id, f"phone {number}")
        for item in mine(round_, seat, workshop):
            taking_part.answer(database, seat, round_, item, "yes")
        return seat.number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(person, range(20)))
    room = reading.room(database, workshop.id, {})
    assert sorted(numbers) == list(range(20)) and room.workshop.people == 20
    assert room.answers == len(reading.answers_of(database, round_.id)) == 40
    assert set(room.tallies.values()) == {5}, "every picture under every network equally often"


def test_two_tabs_of_a_browser_are_one_person(database):
    workshop, _, _ = begun(database)
    with ThreadPoolExecutor(6) as pool:
        seats = list(pool.map(lambda _: taking_part.join(database, workshop.id, "phone", "Ann"), range(6)))
    assert len(set(seats)) == 1
    assert reading.room(database, workshop.id, {}).workshop.people == 1


def test_a_second_click_does_not_skip_a_phase(database):
    workshop, leader, _ = begun(database)
    leading.move(database, leader, True, BEGUN)
    leading.move(database, leader, True, BEGUN)
    after = reading.room(database, workshop.id, {}).workshop
    assert (after.phase, after.position) == ("reveal", 0)


def test_a_presenter_goes_through_all_phases_and_back(database):
    workshop, leader, _ = begun(database)
    seen = []
    for forward in [True] * 4 + [False] * 6:
        now = reading.room(database, workshop.id, {}).workshop
        seen.append((now.phase, now.position))
        leading.move(database, leader, forward, now.step)
    there = [("question", 0), ("reveal", 0), ("question", 1), ("reveal", 1)]
    assert seen == [*there, ("finished", 1), *reversed(there), ("lobby", 0)]


def test_a_closed_question_takes_no_answers_and_an_answer_before_it_still_counts(database):
    workshop, leader, (round_, later) = begun(database)
    seat = taking_part.join(database, workshop.id, "phone")
    first, second = mine(round_, seat, workshop)
    taking_part.answer(database, seat, round_, first, "yes")
    leading.close(database, leader)
    with pytest.raises(InputError, match="no more answers"):
        taking_part.answer(database, seat, round_, second, "yes")
    assert taking_part.answer(database, seat, round_, first, "no").value == "yes"
    leading.close(database, leader, accepting=True)
    assert taking_part.answer(database, seat, round_, second, "yes").new
    with pytest.raises(InputError, match="no more answers"):
        taking_part.answer(database, seat, later, mine(later, seat, workshop)[0], "yes")


def test_a_clock_that_is_set_closes_no_question(url, monkeypatch):
    """The server's clock counts on from its start; a timer ends by that, whatever time it is said to be."""
    ticks = [100.0]
    database = Database(url, lambda: ticks[0])
    workshop, leader, (round_, _) = begun(database)
    seat = taking_part.join(database, workshop.id, "phone")
    first, second = mine(round_, seat, workshop)
    leading.set_timer(database, leader, 30)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert taking_part.answer(database, seat, round_, first, "yes").new
    ticks[0] += 34
    with pytest.raises(InputError, match="no more answers"):
        taking_part.answer(database, seat, round_, second, "yes")
    leading.set_timer(database, leader, 30)  # the presenter gives more time, and nothing is lost
    assert taking_part.answer(database, seat, round_, second, "yes").new
    database.close()


def test_nicknames_go_with_the_end_unless_the_door_said_that_they_stay(database):
    for keeps in (False, True):
        workshop, key = leading.open_workshop(database, "T", [plain_round()], keeps)
        leader = leading.lead(database, workshop.code, key, "")
        seat = taking_part.join(database, workshop.id, "phone", "Ann")
        taking_part.offer(database, seat, PNG)
        assert reading.room(database, workshop.id, {}).names == ((seat.id, "Ann"),)
        leading.finish(database, leader)
        assert bool(reading.room(database, workshop.id, {}).names) == keeps
        assert leading.offered(database, leader) == ()


def test_a_workshop_that_nobody_ended_is_ended_after_a_day(url):
    ticks = [0.0]
    database = Database(url, lambda: ticks[0])
    workshop, _, _ = begun(database)
    taking_part.join(database, workshop.id, "phone", "Ann")
    ticks[0] += leading.FORGOTTEN_AFTER + 1
    leading.open_workshop(database, "Next day", [plain_round()])
    room = reading.room(database, workshop.id, {})
    assert room.workshop.phase == "finished" and room.names == ()
    database.close()


def test_an_offered_picture_is_the_presenters_to_accept(database):
    workshop, leader, _ = begun(database)
    seat = taking_part.join(database, workshop.id, "phone")
    for _ in range(taking_part.MOST_OFFERS):
        taking_part.offer(database, seat, PNG)
    with pytest.raises(InputError, match="wait for the presenter"):
        taking_part.offer(database, seat, PNG)
    (one, png), (other, _), _ = leading.offered(database, leader)
    leading.judge_offer(database, leader, one, True)
    leading.judge_offer(database, leader, other, False)
    assert png == PNG and len(leading.offered(database, leader)) == 1


def test_codes_have_no_look_alikes_and_are_read_as_people_type_them():
    assert not set(ALPHABET) & set("0O1ILSZ52")
    code = join_code()
    assert read_code(f" {code[:2].lower()}-{code[2:]} ") == code
    for wrong in ("", "ABCD", "ABCDEF", "ABCD0", "A" * 10_000):
        with pytest.raises(InputError):
            read_code(wrong)
