"""What a participant does: take a seat, answer, offer a picture."""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from core.errors import InputError
from core.text import shorten
from core.workshop import limits, reading
from core.workshop.assignment import assigned
from core.workshop.codes import digest, read_code
from core.workshop.database import Database
from core.workshop.schema import AnswerRow, OfferRow, ParticipantRow, TallyRow, WorkshopRow
from core.workshop.state import Round, Seat

MOST_PEOPLE = 500
LONGEST_NAME = 24
MOST_OFFERS = 3  # that may wait, of one person
MOST_OFFER_BYTES = 400_000
_P, _W = ParticipantRow, WorkshopRow


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What is stored of an answer: the value, and whether it is this one that made it so."""

    value: str
    new: bool


def find_room(database: Database, code: str, source: str) -> int:
    """The workshop that a code joins.

    Raises:
        InputError: no such workshop, or too many codes were tried from `source`.
    """
    refusal = "No workshop has this code: look at the screen again."
    return limits.found_by(database, source, lambda: reading.find(database, read_code(code)), refusal)


def seat_of(database: Database, workshop: int, secret: str) -> Seat | None:
    """The seat that a browser's secret has already taken; None for somebody new."""
    with database.read() as connection:
        return _seat(connection, workshop, secret)


def latest(database: Database, secret: str) -> Seat | None:
    """The seat of a browser's secret in the newest workshop that goes on; None where it has none."""
    with database.read() as connection:
        row = connection.execute(
            select(_P.workshop, _P.id, _P.number, _P.seed)
            .join(_W, _W.id == _P.workshop)
            .where(_W.phase != "finished", _P.digest == digest(secret))
            .order_by(_W.id.desc())
        ).first()
    return None if row is None else Seat(*row)


def _seat(connection: Connection, workshop: int, secret: str) -> Seat | None:
    row = connection.execute(
        select(_P.id, _P.number, _P.seed).where(_P.workshop == workshop, _P.digest == digest(secret))
    ).first()
    return None if row is None else Seat(workshop, row.id, row.number, row.seed)


def join(database: Database, workshop: int, secret: str, nickname: str = "") -> Seat:
    """A seat, for one browser the same in however many tabs and visits.

    Args:
        database: where it is stored.
        workshop: which one, from `find_room`.
        secret: what the browser alone knows.
        nickname: "" for none; what does not print is escaped, and it is cut to `LONGEST_NAME` signs.

    Raises:
        InputError: the workshop has ended or is full.
    """
    with database.write() as connection:
        connection.execute(
            select(_W.id).where(_W.id == workshop).with_for_update()
        )  # one after the other, from here on
        state = reading.workshop_of(connection, workshop)
        if (seat := _seat(connection, workshop, secret)) is not None:
            return seat
        if state.phase == "finished":
            raise InputError("This workshop has ended.")
        if state.people >= MOST_PEOPLE:
            raise InputError(f"This workshop is full: it has {MOST_PEOPLE} people.")
        connection.execute(update(_W).where(_W.id == workshop).values(people=_W.people + 1, version=_W.version + 1))
        connection.execute(
            insert(_P).values(
                workshop=workshop,
                digest=digest(secret),
                number=state.people,
                seed=secrets.randbits(48),
                nickname=shorten(nickname.strip(), LONGEST_NAME),
                hidden=False,
            )
        )
        database.notify(connection, workshop)
        seat = _seat(connection, workshop, secret)
        assert seat is not None
        return seat


def answer(database: Database, seat: Seat, round_: Round, item: int, value: str) -> Acknowledgement:
    """Store an answer, once: to an item that was answered before, the first answer stays, and is what comes back.

    Answer, counts and version are stored together or not at all.

    Raises:
        InputError: the round is not open, or it is another workshop's; the item is not one of this person's, or the
            value is none of its options.
    """
    if round_.workshop != seat.workshop:
        raise InputError("This round belongs to another workshop.")
    with database.write() as connection:
        state = reading.workshop_of(connection, seat.workshop)
        if item not in assigned(round_.items, round_.each, seat.number, seat.seed, state.seed):
            raise InputError("This question is not one of yours.")
        if value not in {option.value for option in round_.items[item].options}:
            raise InputError("This is not one of the answers.")
        place = {"round": round_.id, "participant": seat.id, "item": item}
        if state.position != round_.position or not state.takes_answers(database.now()):
            if (before := _stored(connection, place)) is not None:
                return Acknowledgement(before, False)
            raise InputError("This question takes no more answers.")
        new = connection.scalar(database.insert(AnswerRow, place | {"value": value}).returning(AnswerRow.id))
        if new is None:
            before = _stored(connection, place)
            assert before is not None
            return Acknowledgement(before, False)
        connection.execute(database.count(TallyRow, {"round": round_.id, "item": item, "value": value}))
        connection.execute(update(_W).where(_W.id == seat.workshop).values(version=_W.version + 1))
        database.notify(connection, seat.workshop)
        return Acknowledgement(value, True)


def _stored(connection: Connection, place: dict[str, int]) -> str | None:
    return connection.scalar(
        select(AnswerRow.value).where(*(getattr(AnswerRow, name) == value for name, value in place.items()))
    )


def offer(database: Database, seat: Seat, png: bytes) -> None:
    """Offer a picture, a PNG that this server made from an upload; the presenter sees it, and nobody else.

    Raises:
        InputError: it is too large, others wait already, or the workshop has ended.
    """
    if len(png) > MOST_OFFER_BYTES:
        raise InputError("This picture is too large to be offered.")
    with database.write() as connection:
        if reading.workshop_of(connection, seat.workshop).phase == "finished":
            raise InputError("This workshop has ended.")
        waiting = connection.scalar(
            select(func.count()).where(OfferRow.participant == seat.id, OfferRow.state == "waiting")
        )
        if (waiting or 0) >= MOST_OFFERS:
            raise InputError(f"{MOST_OFFERS} of your pictures wait for the presenter already.")
        connection.execute(
            insert(OfferRow).values(workshop=seat.workshop, participant=seat.id, png=png, state="waiting")
        )
        connection.execute(update(_W).where(_W.id == seat.workshop).values(version=_W.version + 1))
        database.notify(connection, seat.workshop)
