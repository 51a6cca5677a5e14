"""kill -9 in the middle of a round: what was acknowledged is there, and nothing is counted twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.workshop import leading, reading, taking_part
from core.workshop.assignment import assigned
from core.workshop.database import Database
from tests.helpers.workshop import plain_round

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
PEOPLE = 24

ANSWERING = """
import sys
from core.workshop import reading, taking_part
from core.workshop.assignment import assigned
from core.workshop.database import Database

database = Database(sys.argv[1])
room = reading.room(database, int(sys.argv[2]), {})
for number in range(24):
    seat = taking_part.seat_of(database, room.workshop.id, f"phone {number}")
    for item in assigned(room.rounds[0].items, room.rounds[0].each, seat.number, seat.seed, room.workshop.seed):
        taking_part.answer(database, seat, room.rounds[0], item, "yes")
        print(number, item, flush=True)
"""


def test_a_killed_server_loses_no_answer_and_doubles_none(url):
    """A process answers for 24 people and is killed after sixteen answers; another one goes on where it stopped.

    Everybody presses again what they had pressed, as people do when a screen stands still.
    """
    database = Database(url)
    workshop, key = leading.open_workshop(database, "T", [plain_round(each=2)])
    leading.move(database, leading.lead(database, workshop.code, key, ""), True, 0)
    seats = [taking_part.join(database, workshop.id, f"phone {number}") for number in range(PEOPLE)]
    killed = subprocess.Popen(
        [sys.executable, "-c", ANSWERING, url, str(workshop.id)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    acknowledged = [tuple(map(int, killed.stdout.readline().split())) for _ in range(16)]
    killed.send_signal(signal.SIGKILL)
    acknowledged += [tuple(map(int, line.split())) for line in killed.stdout if line.count(" ") == 1]
    killed.wait()
    database.close()

    again = Database(url)
    (round_,) = reading.room(again, workshop.id, {}).rounds
    stored = {(number, item) for number, item, _ in reading.answers_of(again, round_.id)}
    assert {*acknowledged} <= stored and len(stored) <= len(acknowledged) + 1
    for seat in seats:
        for item in assigned(round_.items, round_.each, seat.number, seat.seed, workshop.seed):
            taking_part.answer(again, seat, round_, item, "yes")
    assert len(reading.answers_of(again, round_.id)) == reading.room(again, workshop.id, {}).answers == 2 * PEOPLE
    again.close()
