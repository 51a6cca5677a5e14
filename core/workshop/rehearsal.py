"""A workshop without people: simulated ones join, answer and leave, through the same doors as those of a room."""

from collections.abc import Iterator
from random import Random

from core.workshop import leading, reading, taking_part
from core.workshop.assignment import assigned
from core.workshop.codes import presenter_key
from core.workshop.database import Database
from core.workshop.items import Item
from core.workshop.rounds.slider import NEVER
from core.workshop.state import PreparedRound, Room, Round, Seat

INSIGHT = 0.6  # how often a simulated person knows what is right, where something is


def rehearse(
    database: Database, title: str, rounds: list[PreparedRound], people: int, seed: int = 0
) -> Iterator[tuple[str, Room]]:
    """Play a whole session; yields what happened, and the room after it.

    The answers are made up: the right one with probability `INSIGHT` where one is right, else any. They say nothing of
    networks.
    """
    workshop, key = leading.open_workshop(database, title, rounds)
    leader = leading.lead(database, workshop.code, key, "rehearsal")
    seats = [
        taking_part.join(database, workshop.id, presenter_key(), f"Person {number + 1}") for number in range(people)
    ]
    room = reading.room(database, workshop.id, {})
    yield f"{people} people joined with the code {workshop.code}", room
    draw = Random(seed)
    for round_ in room.rounds:
        leading.move(database, leader, True, reading.room(database, workshop.id, {}).workshop.step)
        for seat in draw.sample(seats, len(seats)):
            _answer_all(database, seat, round_, workshop.seed, draw)
        leading.move(database, leader, True, reading.room(database, workshop.id, {}).workshop.step)
        room = reading.room(database, workshop.id, {})
        yield f"round {round_.position + 1} of {len(room.rounds)}: {room.answers} answers", room
    leading.finish(database, leader)
    yield "the workshop has ended", reading.room(database, workshop.id, {})


def _answer_all(database: Database, seat: Seat, round_: Round, deal: int, draw: Random) -> None:
    for index in assigned(round_.items, round_.each, seat.number, seat.seed, deal):
        taking_part.answer(database, seat, round_, index, made_up(round_.items[index], draw))


def made_up(item: Item, draw: Random) -> str:
    """An answer that nobody gave."""
    values = [option.value for option in item.options if option.value != NEVER]
    return item.truth if item.truth and draw.random() < INSIGHT else draw.choice(values)
