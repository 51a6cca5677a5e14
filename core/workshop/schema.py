"""The tables as this version of the code reads and writes them; `migrations` makes them."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all tables share."""


class WorkshopRow(Base):
    """One workshop: where it stands, and how often that changed.

    Attributes:
        code: what people type to join; gives no power.
        seed: of the order in which pictures are dealt out.
        phase: one of `core.workshop.state.PHASES`.
        position: which round it is at, from 0.
        accepting: whether the question still takes answers.
        deadline: when it stops to, in seconds of the server's clock; None without a timer.
        keeps_names: whether nicknames stay after the end, as is said at the door.
        following: the link that phones show, "" while they show the rounds.
        step: changes with everything that phones must show.
        version: changes with every answer and every person, too.
        people: who have joined.
        opened: when, in seconds of the server's clock.
    """

    __tablename__ = "workshops"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(8), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    seed: Mapped[int] = mapped_column(BigInteger)
    phase: Mapped[str] = mapped_column(String(10))
    position: Mapped[int]
    accepting: Mapped[bool]
    deadline: Mapped[float | None]
    keeps_names: Mapped[bool]
    following: Mapped[str] = mapped_column(String(2000))
    step: Mapped[int]
    version: Mapped[int]
    people: Mapped[int]
    opened: Mapped[float]


class LeaderRow(Base):
    """The digest of a secret that leads a workshop: its key, or a browser that has shown the key."""

    __tablename__ = "leaders"
    workshop: Mapped[int] = mapped_column(ForeignKey("workshops.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)


class RoundRow(Base):
    """One round: its kind, what the presenter set, and everything that may be asked in it; never changed."""

    __tablename__ = "rounds"
    id: Mapped[int] = mapped_column(primary_key=True)
    workshop: Mapped[int] = mapped_column(ForeignKey("workshops.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class ParticipantRow(Base):
    """One person: known by the digest of their browser's secret, a number and a seed; by a nickname if they like."""

    __tablename__ = "participants"
    id: Mapped[int] = mapped_column(primary_key=True)
    workshop: Mapped[int] = mapped_column(ForeignKey("workshops.id"))
    digest: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    nickname: Mapped[str] = mapped_column(String(24))
    hidden: Mapped[bool]


class AnswerRow(Base):
    """One answer; the table has at most one of a person to an item of a round."""

    __tablename__ = "answers"
    id: Mapped[int] = mapped_column(primary_key=True)
    round: Mapped[int] = mapped_column(ForeignKey("rounds.id"))
    participant: Mapped[int] = mapped_column(ForeignKey("participants.id"))
    item: Mapped[int]
    value: Mapped[str] = mapped_column(String(40))


class TallyRow(Base):
    """How often a value was given to an item: counted with each answer, so that nobody has to count again."""

    __tablename__ = "tallies"
    round: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    item: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int]


class PictureRow(Base):
    """A picture or a map that a workshop's rounds show, as PNG, by its digest."""

    __tablename__ = "pictures"
    digest: Mapped[str] = mapped_column(String(32), primary_key=True)
    workshop: Mapped[int] = mapped_column(ForeignKey("workshops.id"), primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary)


class OfferRow(Base):
    """A picture that a participant offers: waiting, accepted or declined."""

    __tablename__ = "offers"
    id: Mapped[int] = mapped_column(primary_key=True)
    workshop: Mapped[int] = mapped_column(ForeignKey("workshops.id"))
    participant: Mapped[int] = mapped_column(ForeignKey("participants.id"))
    png: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10))


class FailureRow(Base):
    """How many wrong codes and keys came from somewhere in a minute."""

    __tablename__ = "failures"
    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    minute: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
