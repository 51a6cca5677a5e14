"""Mixed pages under load: `python -m benchmarks.load.pages --sessions 40 --minutes 20 --pause 8`.

Visitors open all pages of the entry, change pictures, networks, controls and parts, and now and then ask for something
heavy; half of the pictures they choose are new ones that nobody has seen. First one visitor alone goes through every
page once the server has warmed up, so that processor time can be told by page; then all do, on the same server; then
one visitor on a fresh server opens some of the views that the others had, and must be given the same answers.

With `--rest 60` the servers are left alone for an hour once all have gone, and what memory they still hold is said.

With `--servers 2` the visitors are shared out among two servers of one machine, each staying with its own, as sticky
sessions behind one address have it. Processor time is that of the servers and their processes, and says what an
interaction costs whatever else the machine does; waits are true on an idle machine only.
"""

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.load.actions import PAGES, WEIGHTS, Action, new_picture, possible
from benchmarks.load.answers import View, differences, is_own, view_of
from benchmarks.load.measured import Interaction, keep, rows_of, stated, table
from benchmarks.load.options import visitors
from benchmarks.load.server import Server, environment_in, exit_status
from benchmarks.load.visitor import Visitor

PATIENCE = 60.0  # seconds after which a visitor gives up and opens the page again
SETTLED = 120.0  # seconds in which long work is waited for, where one visitor is alone
SAID = 12  # of the answers of a view that are other
ALONE = ("page", "picture", "picture", "control", "control", "network", "part", "heavy")


class Guest:
    """A visitor who acts, with what was measured of it."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.draw = server, random.Random(seed)
        self.visitor = Visitor(server.address, page=self.draw.choice(PAGES))
        self.picture: bytes | None = None  # the latest of their own
        self.done: list[Interaction] = []
        self.views: list[View] = []

    async def bring(self, widget) -> None:
        """Choose a new picture; whether one that was given up was taken is not known."""
        picture, self.picture = new_picture(self.draw), None
        await self.visitor.bring(widget, "new.png", picture)
        self.picture = picture

    async def open(self) -> None:
        """Open the page where they stand."""
        await self.visitor.close()
        runs = self.visitor.runs
        await self.visitor.open()
        await self.visitor.until(lambda: self.visitor.runs > runs, PATIENCE)

    def next(self, kind: str) -> Action | None:
        """Something of a kind that can be done now; None where there is nothing of it on the page."""
        found = possible(self.visitor, kind, self.draw, self.bring)
        return self.draw.choice(found) if found else None

    async def act(self, kind: str, wait: Callable[[], Awaitable[None]] | None = None) -> None:
        """Do something of a kind, measured; `wait` says what else is waited for before the processor's clock stops."""
        action = self.next(kind)
        if action is None:
            return
        page = action.name if kind == "page" else self.visitor.page
        start, spent, bytes_before = time.monotonic(), self.server.processor(), self.visitor.received
        self.visitor.errors.clear()
        fault = ""
        try:
            await asyncio.wait_for(action.do(), PATIENCE)
            seconds = time.monotonic() - start
            if wait is not None:
                await wait()
        except Exception as error:
            seconds, fault = time.monotonic() - start, "timeout" if isinstance(error, TimeoutError) else repr(error)
        fault = fault or "; ".join(self.visitor.errors)
        self.done.append(
            Interaction(
                page, kind, action.name, seconds, self.server.processor() - spent,
                self.visitor.received - bytes_before, fault,
            )
        )  # fmt: skip

    async def settle(self) -> None:
        """Wait until no long work of the page is under way; a page that always asks again is not waited for."""
        if self.visitor.page not in ("workshop", "training"):
            await self.visitor.until(lambda: not self.visitor.busy, SETTLED)

    async def stay(self, until: float, pause: float) -> None:
        """Act, with pauses, until a time by the monotonic clock."""
        while time.monotonic() < until:
            try:
                await self.open()
                break
            except Exception as error:
                self.done.append(Interaction(self.visitor.page, "page", "opened", PATIENCE, 0.0, 0, repr(error)))
        while time.monotonic() < until:
            await asyncio.sleep(self.draw.expovariate(1 / pause))
            await self.act(self.draw.choices([*WEIGHTS], [*WEIGHTS.values()])[0])
            if self.done and self.done[-1].fault == "timeout":
                with suppress(Exception):
                    await self.open()
            elif not self.visitor.busy and (self.picture is not None or not is_own(self.visitor.query)):
                self.views.append(view_of(self.visitor, self.picture))


async def alone(server: Server, seed: int, rounds: int) -> list[Interaction]:
    """One visitor on all pages, one thing after another, each waited for until its long work is done."""
    guest = Guest(server, seed)
    await guest.open()
    for _ in range(rounds):
        for page in PAGES:
            for kind in ALONE:
                if kind == "page":
                    await guest.visitor.turn_to("tour" if page != "tour" else "workshop")
                    action = Action(kind, page, lambda page=page: guest.visitor.turn_to(page))
                    guest.next = lambda kind, action=action: action
                    await guest.act(kind, guest.settle)
                    del guest.next
                else:
                    await guest.act(kind, guest.settle)
    await guest.visitor.close()
    return guest.done


async def together(servers: Sequence[Server], options: argparse.Namespace) -> list[Guest]:
    """All visitors at once, the servers in turn; they come within the first half minute."""
    guests = [
        Guest(servers[number % len(servers)], options.seed * 1000 + number + 1) for number in range(options.sessions)
    ]
    until = time.monotonic() + 60 * options.minutes

    async def come(guest: Guest, number: int) -> None:
        await asyncio.sleep(min(30.0, 15 * options.minutes) * number / len(guests))
        await guest.stay(until, options.pause)

    await asyncio.gather(*(come(guest, number) for number, guest in enumerate(guests)))
    return guests


def say(title: str, done: list[Interaction], processor: float) -> None:
    """One table of what was measured; `processor` is the time of all of it."""
    print(f"\n{title}")
    print(table(done))
    light = [each for each in done if not each.heavy and not each.fault]
    print(stated("light interactions, action to script finished", [each.seconds for each in light]))
    heavy = [each.seconds for each in done if each.heavy and not each.fault]
    if heavy:
        print(stated("heavy ones", heavy))
    print(f"processor time an interaction: {processor / max(1, len(done)):.3f} s ({processor:.0f} s in all)")
    faults = [each for each in done if each.fault]
    print(f"timeouts {sum(each.fault == 'timeout' for each in faults)}, other faults {len(faults)} in all")
    for each in faults[:8]:
        print(f"  {each.page} {each.name}: {each.fault[:160]}")


def memory_of(servers: Sequence[Server]) -> float:
    """Memory of all with the processes that they have started, in MB."""
    return sum(server.memory() for server in servers)


async def watch(servers: Sequence[Server], seen: list[float]) -> None:
    """Their memory every five seconds, until cancelled."""
    while True:
        seen.append(memory_of(servers))
        await asyncio.sleep(5.0)


async def rest(servers: Sequence[Server], minutes: float) -> list[float]:
    """Leave them alone; their memory at once and after each tenth of it."""
    held = [memory_of(servers)]
    for _ in range(10):
        await asyncio.sleep(6.0 * minutes)
        held.append(memory_of(servers))
    return held


def processor_time_of(servers: Sequence[Server]) -> float:
    """Seconds of processor time of all so far."""
    return sum(server.processor() for server in servers)


async def play(servers: Sequence[Server], fresh: Callable[[], Server], options: argparse.Namespace) -> int:
    """All of it; how many views were answered otherwise, or not at all."""
    load, began, wrong = os.getloadavg()[0], time.monotonic(), 0
    memory = [memory_of(servers)]
    found: dict[str, Any] = {"settings": settings_of(options), "load": load, "memory": memory}
    print(f"load of the machine {load:.1f}; seed {options.seed}; memory {memory[0]:.0f} MB")
    if options.rounds:
        servers[0].warm()
        done = await alone(servers[0], options.seed, options.rounds)
        memory.append(memory_of(servers))
        found["alone"] = rows_of(done)
        title = f"One visitor alone, {options.rounds} rounds, memory {memory[-1]:.0f} MB"
        say(title, done, sum(each.processor for each in done))
        light = [each.processor for each in done if not each.heavy]
        print(f"of a light one {sum(light) / max(1, len(light)):.3f} s (n = {len(light)})")
        wrong += sum(bool(each.fault) for each in done)
    if options.sessions and options.minutes:
        start, spent = time.monotonic(), processor_time_of(servers)
        watching = asyncio.create_task(watch(servers, seen := []))
        guests = await together(servers, options)
        watching.cancel()
        processor, seconds = processor_time_of(servers) - spent, time.monotonic() - start
        done = [each for guest in guests for each in guest.done]
        title = f"{options.sessions} visitors, {options.minutes:g} minutes, pauses of {options.pause:g} s on average"
        memory.append(memory_of(servers))
        held = f"{memory[-1]:.0f} MB, {max(seen):.0f} at most"
        say(f"{title}, {len(servers)} servers, memory {held}", done, processor)
        found |= {"together": rows_of(done), "cores": processor / seconds, "memory_at_most": max(seen)}
        print(f"the servers used {processor / seconds:.2f} cores, load of the machine {os.getloadavg()[0]:.1f}")
        views = [view for guest in guests for view in guest.views]
        await asyncio.gather(*(guest.visitor.close() for guest in guests))
        if options.rest:
            found["rested"] = await rest(servers, options.rest)
            held = ", ".join(f"{each:.0f}" for each in found["rested"])
            print(
                f"left alone for {options.rest:g} minutes, memory at once and after each tenth: {held} MB", flush=True
            )
        wrong += sum(each.fault == "timeout" for each in done)
        end(servers)
        wrong += await compare(fresh, views, options)
    keep(options.out, found, time.monotonic() - began)
    return wrong


def end(servers: Sequence[Server]) -> None:
    """Kill them all."""
    for server in servers:
        server.kill()


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, without the file that it goes into."""
    return {name: value for name, value in vars(options).items() if name != "out"}


async def compare(fresh: Callable[[], Server], views: list[View], options: argparse.Namespace) -> int:
    """How many of some views one visitor of a fresh server is answered otherwise."""
    draw = random.Random(options.seed)
    by_page = {page: [view for view in views if view.page == page and view.answers] for page in PAGES}
    chosen = [view for found in by_page.values() for view in draw.sample(found, min(options.checked, len(found)))]
    server, other = fresh(), 0
    try:
        for view in chosen:
            found = await differences(view, server.address, SETTLED)
            other += bool(found)
            if found:
                print(f"{len(found)} OTHER ANSWERS on {view.page}?{view.query}: {found[:SAID]} …")
    finally:
        server.kill()
    answers = sum(len(view.answers) for view in chosen)
    print(f"{len(chosen)} views with {answers} answers opened again by one visitor alone: {other} with other answers")
    return other


def main() -> int:
    """Run it; 1 where anything timed out or was answered otherwise."""
    parser = visitors(__doc__, sessions=40, minutes=20.0, checked=4)
    parser.add_argument("--rounds", type=int, default=1, help="of one visitor alone before the others come; 0 for none")
    parser.add_argument("--rest", type=float, default=0.0, help="minutes for which the servers are left alone")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        log, environment = Path(folder, "log"), environment_in(Path(folder))
        servers = [Server(environment, log) for _ in range(options.servers)]
        work = play(servers, lambda: Server(environment, log), options)
        return exit_status(partial(asyncio.run, work), log, partial(end, servers))


if __name__ == "__main__":
    sys.exit(main())
