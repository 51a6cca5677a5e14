"""What the database knows of workshops, rounds and answers, read as values."""

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from core.errors import InputError
from core.workshop.database import Database
from core.workshop.items import Item
from core.workshop.schema import AnswerRow, OfferRow, ParticipantRow, PictureRow, RoundRow, TallyRow, WorkshopRow
from core.workshop.state import Room, Round, Seat, Tallies, Workshop

_W = WorkshopRow
_COLUMNS = tuple(getattr(_W, name) for name in Workshop.__dataclass_fields__)
MOST_NAMES = 200  # nicknames that a presenter sees at once


def workshop_of(connection: Connection, workshop: int) -> Workshop:
    """Where a workshop stands.

    Raises:
        InputError: there is none.
    """
    row = connection.execute(select(*_COLUMNS).where(_W.id == workshop)).first()
    if row is None:
        raise InputError("This workshop is no longer on this server.")
    return Workshop(**row._mapping)


def find(database: Database, code: str) -> int | None:
    """The workshop that a code joins; None where there is none."""
    with database.read() as connection:
        return connection.scalar(select(_W.id).where(_W.code == code))


def version(database: Database, workshop: int) -> int | None:
    """A number that changes whenever anything of the workshop does."""
    with database.read() as connection:
        return connection.scalar(select(_W.version).where(_W.id == workshop))


def rounds_of(connection: Connection, workshop: int, known: Mapping[int, Round]) -> tuple[Round, ...]:
    """The rounds in their order; what is known already, by id, is not read again, for rounds never change."""
    ids = connection.scalars(select(RoundRow.id).where(RoundRow.workshop == workshop).order_by(RoundRow.position)).all()
    new = {
        row.id: Round(
            row.id, workshop, row.position, row.kind, row.settings, tuple(Item.from_json(each) for each in row.items)
        )
        for row in connection.execute(
            select(RoundRow.id, RoundRow.position, RoundRow.kind, RoundRow.settings, RoundRow.items).where(
                RoundRow.id.in_([each for each in ids if each not in known])
            )
        )
    }
    return tuple(known[each] if each in known else new[each] for each in ids)


def room(database: Database, workshop: int, known: Mapping[int, Round]) -> Room:
    """Everything that all see of a workshop: a fixed number of queries, however many answers there are.

    Raises:
        InputError: there is no such workshop.
    """
    with database.read() as connection:
        state = workshop_of(connection, workshop)
        rounds = rounds_of(connection, workshop, known)
        here = [each.id for each in rounds if each.position == state.position]
        counts = connection.execute(
            select(TallyRow.item, TallyRow.value, TallyRow.count).where(TallyRow.round.in_(here))
        )
        tallies = {(item, value): count for item, value, count in counts}
        people = ParticipantRow
        names = connection.execute(
            select(people.id, people.nickname)
            .where(people.workshop == workshop, people.nickname != "", ~people.hidden)
            .order_by(people.number.desc())
            .limit(MOST_NAMES)
        )
        shown = tuple((row.id, row.nickname) for row in names)
        offers = connection.scalar(
            select(func.count()).where(OfferRow.workshop == workshop, OfferRow.state == "waiting")
        )
    return Room(state, rounds, tallies, shown, offers or 0)


def tallies_of(database: Database, round_id: int) -> Tallies:
    """The counts of one round."""
    with database.read() as connection:
        rows = connection.execute(
            select(TallyRow.item, TallyRow.value, TallyRow.count).where(TallyRow.round == round_id)
        )
        return {(item, value): count for item, value, count in rows}


def own_answers(database: Database, seat: Seat, round_id: int) -> dict[int, str]:
    """What a person has answered in a round, by item."""
    with database.read() as connection:
        rows = connection.execute(
            select(AnswerRow.item, AnswerRow.value).where(AnswerRow.round == round_id, AnswerRow.participant == seat.id)
        )
        return {row.item: row.value for row in rows}


def answers_of(database: Database, round_id: int) -> tuple[tuple[int, int, str], ...]:
    """All answers of a round: number of the person, item, value; in the order in which they came."""
    with database.read() as connection:
        rows = connection.execute(
            select(ParticipantRow.number, AnswerRow.item, AnswerRow.value)
            .join(ParticipantRow, ParticipantRow.id == AnswerRow.participant)
            .where(AnswerRow.round == round_id)
            .order_by(AnswerRow.id)
        )
        return tuple((number, item, value) for number, item, value in rows)


def picture(database: Database, workshop: int, digest: str) -> bytes:
    """The PNG of a picture of a workshop.

    Raises:
        InputError: it has none of this digest.
    """
    with database.read() as connection:
        png = connection.scalar(
            select(PictureRow.png).where(PictureRow.workshop == workshop, PictureRow.digest == digest)
        )
    if png is None:
        raise InputError("This workshop has no such picture.")
    return png


def rounds_like(database: Database, round_: Round) -> tuple[tuple[str, Round], ...]:
    """Rounds of ended workshops that asked the same of the same networks, with the titles of their workshops."""
    with database.read() as connection:
        found = connection.execute(
            select(_W.id, _W.title, RoundRow.id, RoundRow.settings)
            .join(_W, _W.id == RoundRow.workshop)
            .where(_W.phase == "finished", RoundRow.kind == round_.kind)
            .order_by(_W.id)
        ).all()
        asked = {key: round_.settings.get(key) for key in ("task", "networks", "prompt")}
        same = [row for row in found if {key: row.settings.get(key) for key in asked} == asked]
        return tuple(
            (row.title, each) for row in same for each in rounds_of(connection, row[0], {}) if each.id == row[2]
        )
