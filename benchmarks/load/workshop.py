"""A room under load: `python -m benchmarks.load.workshop`: people who join, answer and are told, on a real server.

Sixty participants in each of three workshops are 180 pages; `--people 20` is sixty in all. Every person answers all
of the round's items after a pause of `--think` seconds each, as fast as an eager room. What is measured: from pressing
an answer to seeing the next question; from an acknowledgement to the presenter's number; the server's memory.
"""

import argparse
import asyncio
import random
import re
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.load.measured import stated
from benchmarks.load.server import Server, environment_in, exit_status
from benchmarks.load.visitor import Visitor
from core.data.tasks import task_named
from core.models.zoo import load_zoo_model
from core.workshop import leading, reading
from core.workshop.database import Database
from core.workshop.sessions import prepare, session_named, subjects_of
from core.workshop.state import Leader, Workshop

PATIENCE = 15.0  # seconds after which a person presses again, or opens the page again
SHOWN = re.compile(r'ws-answered" aria-live="polite"><b>(\d+)</b>')


class Room:
    """One workshop under load, and what is measured of it."""

    def __init__(self, workshop: Workshop, leader: Leader, key: str) -> None:
        self.workshop, self.leader, self.key = workshop, leader, key
        self.visitors: list[Visitor] = []
        self.repeated = 0
        self.waits: list[float] = []
        self.acknowledged: list[float] = []
        self.presenter: Visitor | None = None

    async def lead(self, address: str) -> None:
        """The presenter's page, opened with the key."""
        self.presenter = presenter = Visitor(address, f"lead={self.workshop.code}")
        await presenter.open()
        (button,) = await presenter.until(lambda: presenter.find("Lead this workshop"))
        (field,) = presenter.find("Presenter's key", "text_input")
        presenter.query = f"lead={self.workshop.code}"
        await presenter.press(button, {field: self.key})
        await presenter.until(lambda: presenter.find("ws-next"))

    async def join(self, address: str) -> None:
        """One more person."""
        visitor = Visitor(address, f"join={self.workshop.code}")
        self.visitors.append(visitor)
        await visitor.open()
        (button,) = await visitor.until(lambda: visitor.find("Join"))
        while True:
            await visitor.press(button)
            try:
                await visitor.until(lambda: any("You are in" in text for _, text in visitor.texts), PATIENCE)
                return
            except TimeoutError:  # a person would press again; how often that was needed is said
                self.repeated += 1

    async def answer(self, visitor: Visitor, think: float, draw: random.Random) -> None:
        """All questions of one person."""
        while True:
            options = await visitor.until(lambda: visitor.find("ws-answer-") or _thanked(visitor))
            if options is True:
                return
            await asyncio.sleep(draw.uniform(0.3, 1.7) * think)
            options = visitor.find("ws-answer-")
            if not options:
                continue
            before, start = {name.split("ws-answer-")[1].rsplit("-", 1)[0] for name in options}, time.monotonic()
            try:
                await visitor.press(draw.choice(options))
                await visitor.until(lambda before=before: _thanked(visitor) or _moved(visitor, before), PATIENCE)
            except Exception:  # the server was killed: open the page again, as a phone does
                self.repeated += 1
                await asyncio.sleep(draw.uniform(1, 3))
                await self._again(visitor)
                continue
            self.waits.append(time.monotonic() - start)
            self.acknowledged.append(time.monotonic())

    async def _again(self, visitor: Visitor) -> None:
        while True:
            try:
                await visitor.close()
                visitor.texts.clear()
                return await visitor.open()
            except Exception:
                await asyncio.sleep(1)

    def lags(self) -> list[float]:
        """How long after its acknowledgement each answer was in the presenter's number."""
        seen = [(when, int(found[1])) for when, text in self.presenter.texts if (found := SHOWN.search(text))]
        found = []
        for number, when in enumerate(sorted(self.acknowledged), 1):
            first = next((shown for shown, count in seen if count >= number), None)
            if first is not None:
                found.append(max(0.0, first - when))
        return found


def _thanked(visitor: Visitor) -> bool:
    return any("Thank you" in text for _, text in visitor.texts)


def _moved(visitor: Visitor, before: set[str]) -> bool:
    now = {name.split("ws-answer-")[1].rsplit("-", 1)[0] for name in visitor.find("ws-answer-")}
    return bool(now - before)


async def play(options: argparse.Namespace, server: Server, database: Database, rooms: list[Room]) -> int:
    draw = random.Random(options.seed)
    print(f"memory before: {server.memory():.0f} MB")
    for room in rooms:
        await room.lead(server.address)
    gate = asyncio.Semaphore(8)

    async def join(room: Room) -> None:
        async with gate:
            await room.join(server.address)

    start = time.monotonic()
    await asyncio.gather(*(join(room) for room in rooms for _ in range(options.people)))
    print(f"{options.people} people in each of {len(rooms)} workshops joined in {time.monotonic() - start:.1f} s")
    for room in rooms:
        leading.move(database, room.leader, True, reading.room(database, room.workshop.id, {}).workshop.step)
    start = time.monotonic()
    tasks = [
        asyncio.create_task(room.answer(visitor, options.think, draw)) for room in rooms for visitor in room.visitors
    ]
    if options.kill:
        await asyncio.sleep(options.kill)
        server.kill()
        server.start()
        print(f"killed after {options.kill} s and started again")
    await asyncio.gather(*tasks)
    print(f"all answers in {time.monotonic() - start:.1f} s; memory {server.memory():.0f} MB")
    await asyncio.sleep(4)
    wrong = 0
    for room in rooms:
        now = reading.room(database, room.workshop.id, {})
        due = options.people * now.rounds[0].each
        answers = reading.answers_of(database, now.rounds[0].id)
        whole = len(answers) == len({(person, item) for person, item, _ in answers}) == now.answers == due
        wrong += not whole or now.workshop.people != options.people
        print(
            f"{room.workshop.code}: {len(answers)} answers of {due} due, counted {now.answers}, "
            f"{now.workshop.people} people"
        )
    print(f"presses without an effect in {PATIENCE:.0f} s, done again: {sum(room.repeated for room in rooms)}")
    print(stated("answer to acknowledgement", [wait for room in rooms for wait in room.waits]))
    if lags := [lag for room in rooms for lag in room.lags()]:
        print(stated("presenter's number behind", lags))
    await asyncio.gather(*(visitor.close() for room in rooms for visitor in (*room.visitors, room.presenter)))
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20, help="in each workshop")
    parser.add_argument("--workshops", type=int, default=3)
    parser.add_argument("--think", type=float, default=4.0, help="mean seconds before an answer")
    parser.add_argument("--kill", type=float, help="kill the server (-9) after so many seconds, and start it again")
    parser.add_argument("--database", help="URL; a SQLite file of its own by default")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    session = session_named("maps")
    subjects = subjects_of(task_named(session.task), 0, Path("/nowhere"))
    rounds = list(prepare(session.plans[:1], session.task, load_zoo_model, subjects))
    with TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{Path(folder) / 'workshops.db'}"
        database = Database(url)
        opened = [leading.open_workshop(database, f"Room {number}", rounds) for number in range(options.workshops)]
        rooms = [Room(workshop, leading.leader_of(database, workshop.code, key), key) for workshop, key in opened]
        log = Path(folder, "log")
        server = Server(environment_in(Path(folder)) | {"ROBUSTSCOPE_DATABASE": url}, log)
        work = play(options, server, database, rooms)
        return exit_status(partial(asyncio.run, work), log, server.kill, database.close)


if __name__ == "__main__":
    sys.exit(main())
