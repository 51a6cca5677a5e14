"""What a presenter does: open a workshop, come back to it, and move it on; each action asks for the key's digest."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from core.errors import InputError
from core.text import shorten
from core.workshop import limits, reading
from core.workshop.codes import digest, join_code, presenter_key, read_code
from core.workshop.database import Database
from core.workshop.schema import LeaderRow, OfferRow, ParticipantRow, PictureRow, RoundRow, WorkshopRow
from core.workshop.state import Leader, Phase, PreparedRound, Workshop

LONGEST_TITLE = 80
MOST_ROUNDS = 20
LONGEST_TIMER = 3600.0  # seconds
FORGOTTEN_AFTER = 24 * 3600.0  # seconds after which a workshop that nobody ended is ended
_W = WorkshopRow


def open_workshop(
    database: Database, title: str, rounds: Sequence[PreparedRound], keeps_names: bool = False
) -> tuple[Workshop, str]:
    """A new workshop in its lobby, and the presenter's key, which is nowhere else.

    Raises:
        InputError: no rounds, or too many.
    """
    if not 1 <= len(rounds) <= MOST_ROUNDS:
        raise InputError(f"A workshop has 1 to {MOST_ROUNDS} rounds; got {len(rounds)}.")
    end_forgotten(database)
    key, now = presenter_key(), database.now()
    with database.write() as connection:
        workshop = None
        while workshop is None:  # a code that is taken is drawn again
            values = {
                "code": join_code(), "title": shorten(title.strip() or "Workshop", LONGEST_TITLE),
                "seed": secrets.randbits(48), "phase": "lobby", "position": 0, "accepting": False, "deadline": None,
                "keeps_names": keeps_names, "following": "", "step": 0, "version": 0, "people": 0, "opened": now,
            }  # fmt: skip
            workshop = connection.scalar(database.insert(_W, values).returning(_W.id))
        connection.execute(insert(LeaderRow).values(workshop=workshop, digest=digest(key)))
        for position, each in enumerate(rounds):
            _store(database, connection, workshop, position, each)
        return reading.workshop_of(connection, workshop), key


def _store(database: Database, connection: Connection, workshop: int, position: int, one: PreparedRound) -> None:
    connection.execute(
        insert(RoundRow).values(
            workshop=workshop,
            position=position,
            kind=one.kind,
            settings=dict(one.settings),
            items=[item.to_json() for item in one.items],
        )
    )
    for name, png in one.pictures.items():
        connection.execute(database.insert(PictureRow, {"digest": name, "workshop": workshop, "png": png}))


def lead(database: Database, code: str, secret: str, source: str) -> Leader:
    """The right to lead the workshop with this code, for its key, or for a browser that has shown the key.

    Raises:
        InputError: code and key do not belong together, or too many were tried from `source`.
    """
    refusal = "This is not the presenter's key of that workshop."
    return limits.found_by(database, source, lambda: leader_of(database, read_code(code), secret), refusal)


def leader_of(database: Database, code: str, secret: str) -> Leader | None:
    """The right to lead that a secret gives; None where it gives none."""
    with database.read() as connection:
        workshop = connection.scalar(
            select(_W.id)
            .join(LeaderRow, LeaderRow.workshop == _W.id)
            .where(_W.code == code, LeaderRow.digest == digest(secret))
        )
    return None if workshop is None else Leader(workshop, digest(secret))


def latest(database: Database, secret: str) -> Leader | None:
    """The right to lead the newest workshop that goes on and that a secret leads; None where it leads none."""
    with database.read() as connection:
        workshop = connection.scalar(
            select(_W.id)
            .join(LeaderRow, LeaderRow.workshop == _W.id)
            .where(_W.phase != "finished", LeaderRow.digest == digest(secret))
            .order_by(_W.id.desc())
        )
    return None if workshop is None else Leader(workshop, digest(secret))


def remember(database: Database, leader: Leader, secret: str) -> None:
    """Let another secret lead, too: that of the browser in which the key was shown, which may be reloaded."""
    with database.write() as connection:
        _authorise(connection, leader)
        connection.execute(database.insert(LeaderRow, {"workshop": leader.workshop, "digest": digest(secret)}))


def _authorise(connection: Connection, leader: Leader) -> Workshop:
    known = connection.scalar(
        select(LeaderRow.workshop).where(LeaderRow.workshop == leader.workshop, LeaderRow.digest == leader.digest)
    )
    if known is None:
        raise InputError("Only who has the presenter's key can do that.")
    return reading.workshop_of(connection, leader.workshop)


def _change(database: Database, connection: Connection, workshop: Workshop, **values: Any) -> None:
    connection.execute(
        update(_W).where(_W.id == workshop.id).values(step=_W.step + 1, version=_W.version + 1, **values)
    )
    database.notify(connection, workshop.id)


def move(database: Database, leader: Leader, forward: bool, seen: int) -> None:
    """On to the next phase, or back to the one before.

    Args:
        database: where it is stored.
        leader: who does it.
        forward: lobby, question, reveal, the next question, …, the end; or the other way.
        seen: the `step` that the presenter saw. A second click finds another one, and moves nothing.

    Raises:
        InputError: somebody without the key.
    """
    with database.write() as connection:
        workshop = _authorise(connection, leader)
        if workshop.step != seen:
            return
        count = len(connection.scalars(select(RoundRow.id).where(RoundRow.workshop == workshop.id)).all())
        phase, position = _next(workshop, count) if forward else _before(workshop, count)
        if (phase, position) == (workshop.phase, workshop.position):
            return
        _change(
            database, connection, workshop,
            phase=phase, position=position, accepting=phase == "question", deadline=None, following="",
        )  # fmt: skip
        if phase == "finished":
            _forget_people(connection, workshop)


def _next(workshop: Workshop, rounds: int) -> tuple[Phase, int]:
    position = workshop.position
    match workshop.phase:
        case "lobby":
            return "question", 0
        case "question":
            return "reveal", position
        case "reveal":
            return ("question", position + 1) if position + 1 < rounds else ("finished", position)
        case "finished":
            return "finished", position


def _before(workshop: Workshop, rounds: int) -> tuple[Phase, int]:
    position = workshop.position
    match workshop.phase:
        case "lobby":
            return "lobby", 0
        case "question":
            return ("reveal", position - 1) if position else ("lobby", 0)
        case "reveal":
            return "question", position
        case "finished":
            return "reveal", min(position, rounds - 1)


def finish(database: Database, leader: Leader) -> None:
    """End the workshop now, whatever it is at; nicknames go unless it was said that they stay."""
    with database.write() as connection:
        workshop = _authorise(connection, leader)
        _end(database, connection, workshop)


def _end(database: Database, connection: Connection, workshop: Workshop) -> None:
    _change(database, connection, workshop, phase="finished", accepting=False, deadline=None, following="")
    _forget_people(connection, workshop)


def _forget_people(connection: Connection, workshop: Workshop) -> None:
    """Nicknames that were not promised to stay, and pictures that people offered."""
    if not workshop.keeps_names:
        connection.execute(update(ParticipantRow).where(ParticipantRow.workshop == workshop.id).values(nickname=""))
    connection.execute(delete(OfferRow).where(OfferRow.workshop == workshop.id))


def end_forgotten(database: Database) -> None:
    """End the workshops that were left open for a day, so that no nickname outlives its day."""
    with database.write() as connection:
        old = select(_W.id).where(_W.phase != "finished", _W.opened < database.now() - FORGOTTEN_AFTER)
        for workshop in connection.scalars(old).all():
            _end(database, connection, reading.workshop_of(connection, workshop))


def set_timer(database: Database, leader: Leader, seconds: float | None) -> None:
    """Take answers for so many seconds from now on; without a timer for None.

    Raises:
        InputError: a time that can't be, or somebody without the key.
    """
    if seconds is not None and not 0 < seconds <= LONGEST_TIMER:
        raise InputError(f"A timer runs for up to {LONGEST_TIMER / 60:.0f} minutes; got {seconds:g} seconds.")
    with database.write() as connection:
        workshop = _authorise(connection, leader)
        deadline = None if seconds is None else database.now() + seconds
        _change(database, connection, workshop, deadline=deadline, accepting=workshop.phase == "question")


def close(database: Database, leader: Leader, accepting: bool = False) -> None:
    """Take no further answers to the question, or take them again."""
    with database.write() as connection:
        workshop = _authorise(connection, leader)
        _change(database, connection, workshop, accepting=accepting and workshop.phase == "question", deadline=None)


def hide(database: Database, leader: Leader, participant: int) -> None:
    """Show a nickname no longer; its person stays, and keeps their answers."""
    with database.write() as connection:
        workshop = _authorise(connection, leader)
        connection.execute(
            update(ParticipantRow)
            .where(ParticipantRow.workshop == workshop.id, ParticipantRow.id == participant)
            .values(hidden=True)
        )
        _change(database, connection, workshop)


def follow(database: Database, leader: Leader, link: str) -> None:
    """Have the phones show a page of this app, by a link that `core.workshop.links` checked; "" releases them."""
    with database.write() as connection:
        workshop = _authorise(connection, leader)
        _change(database, connection, workshop, following=link)


def add_round(database: Database, leader: Leader, one: PreparedRound) -> None:
    """Add a round at the end.

    Raises:
        InputError: the workshop has ended or has many rounds, or somebody without the key.
    """
    with database.write() as connection:
        workshop = _authorise(connection, leader)
        count = len(connection.scalars(select(RoundRow.id).where(RoundRow.workshop == workshop.id)).all())
        if workshop.phase == "finished" or count >= MOST_ROUNDS:
            raise InputError(f"A round can be added until the end, up to {MOST_ROUNDS} in all.")
        _store(database, connection, workshop.id, count, one)
        _change(database, connection, workshop)


def offered(database: Database, leader: Leader) -> tuple[tuple[int, bytes], ...]:
    """The pictures that wait for the presenter: id and PNG, the oldest first."""
    with database.read() as connection:
        _authorise(connection, leader)
        rows = connection.execute(
            select(OfferRow.id, OfferRow.png)
            .where(OfferRow.workshop == leader.workshop, OfferRow.state == "waiting")
            .order_by(OfferRow.id)
            .limit(12)
        )
        return tuple((row.id, row.png) for row in rows)


def judge_offer(database: Database, leader: Leader, offer: int, accepted: bool) -> None:
    """Accept an offered picture, or decline it, which deletes it."""
    with database.write() as connection:
        workshop = _authorise(connection, leader)
        mine = (OfferRow.workshop == workshop.id) & (OfferRow.id == offer)
        connection.execute(
            update(OfferRow).where(mine).values(state="accepted") if accepted else delete(OfferRow).where(mine)
        )
        _change(database, connection, workshop)
