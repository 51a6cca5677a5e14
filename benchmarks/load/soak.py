"""A soak: `python -m benchmarks.load.soak --minutes 120`: hours of visitors, while one thing after another fails.

Visitors wander over all pages, as in `benchmarks.load.pages`, on servers that run from a copy of the project. In an
order drawn from the seed and printed beforehand, a server is killed (-9) and started again, the disk that holds what
visitors bring and the workshops is full, the home can't be written, the temporary folder is gone, assets are missing or
damaged, and the clock jumps; in half of these spells a server is killed, too, and has to start as things are. Each is
over after a while, and what follows must be as before.

Each thing that a visitor did ends in an answer, in a sentence that says what is wrong, is cut off by the death of the
server, or fails: an exception, a fault that nobody foresaw, a connection lost while the server lived, or nothing for 60
seconds; where the server waited for a core for half of these, it was starved, which says something of the machine. At
the end some of the views are opened on a fresh, unharmed server, which must answer the same. The exit status is 1 where
anything failed, a traceback is in the log, or an answer is another.

The full disk and the home are file systems of this process's own, mounted in a namespace (Linux, `unshare`); the clock
is moved by libfaketime (Debian: `apt-get install faketime`), and stays where that is not installed.
"""

import argparse
import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.load.actions import WEIGHTS
from benchmarks.load.answers import is_own, view_of
from benchmarks.load.damage import BUG
from benchmarks.load.measured import Interaction, keep
from benchmarks.load.options import visitors
from benchmarks.load.pages import PATIENCE, Guest, compare, end, settings_of
from benchmarks.load.server import Server
from benchmarks.load.spells import ASSETS, CLOCK, DISK_MB, TITLES, Machine, Spell, drawn

INSIDE = "ROBUSTSCOPE_SOAK_INSIDE"  # set in the process that has mounts of its own
REST = "nothing"  # what is wrong between two spells
OUTCOMES = ("answer", "sentence", "cut off", "starved", "failure")
STARVED = PATIENCE / 2  # seconds that a server's threads wait for a core, of the time in which it says nothing
EXCEPTION = re.compile(r"(?:^|; )[\w.]+(?:\(|;|$)")
"""In what a visitor says went wrong: an exception, its own with its arguments, or one that the page shows by name."""
RAISED = re.compile(r"Traceback \(most recent call last\).*\n(?:[ \t│].*\n|\n)*(\S.*)")


@dataclass(frozen=True, slots=True)
class Told:
    """How something that a visitor did ended, and what was wrong meanwhile."""

    wrong: str
    outcome: str
    done: Interaction


def outcome_of(fault: str, died: bool, waited: float = 0.0) -> str:
    """One of `OUTCOMES`.

    Args:
        fault: of an `Interaction`: what the page said, an exception's name, "timeout", or the visitor's own exception.
        died: whether the server died meanwhile, or was dead.
        waited: seconds in which the server could have run meanwhile, and others had the cores.
    """
    if not fault:
        return "answer"
    if fault == "timeout" and waited >= STARVED:
        return "starved"
    if not EXCEPTION.search(fault):
        return "failure" if BUG in fault else "sentence"
    return "cut off" if died and re.match(r"\w+\(", fault) else "failure"


def tracebacks(log: str) -> Counter[str]:
    """The last lines of the tracebacks in a log, counted; numbers and ids in them aside."""
    return Counter(map(_kind, RAISED.findall(log)))


def first_of_each(log: str) -> dict[str, str]:
    """The first traceback of each kind in whole, by its last line as `tracebacks` gives it."""
    found: dict[str, str] = {}
    for each in RAISED.finditer(log):
        found.setdefault(_kind(each[1]), each[0])
    return found


def _kind(last_line: str) -> str:
    return re.sub(r"0x[0-9a-f]+|[0-9a-f]{6,}|\d+", "#", last_line)[:160]


class Soak:
    """Visitors, servers and what fails, with what came of it."""

    def __init__(self, machine: Machine, options: argparse.Namespace, log: Path) -> None:
        self.machine, self.options, self.log = machine, options, log
        self.servers = [Server(machine.environment(), log, machine.root) for _ in range(options.servers)]
        self.deaths: list[tuple[int, float, float]] = []  # which server, from when to when it was dead
        self.dying: set[int] = set()
        self.wrong, self.draw = REST, random.Random(options.seed)
        self.told: list[Told] = []
        self.memory: list[float] = []
        self.log_by: dict[str, Counter[str]] = {}

    async def kill(self) -> None:
        """One of the servers dies, and stands again."""
        index = self.draw.randrange(len(self.servers))
        start = time.monotonic()
        self.dying.add(index)
        self.servers[index].kill()
        await asyncio.to_thread(self.servers[index].start)
        self.dying.remove(index)
        self.deaths.append((index, start, time.monotonic()))

    def died(self, index: int, since: float) -> bool:
        """Whether a server was dead at any time since then."""
        return index in self.dying or any(which == index and until >= since for which, _, until in self.deaths)

    async def fail(self, spells: Sequence[Spell]) -> None:
        """One spell after the other, each over before the next."""
        start, read = time.monotonic(), 0
        for spell in spells:
            await asyncio.sleep(max(0.0, start + spell.start - time.monotonic()))
            read = self._said(REST, read)
            self.wrong = spell.title
            print(
                f"{time.monotonic() - start:6.0f} s  {spell.title} {spell.detail}{' + kill' * spell.kill}", flush=True
            )
            self.machine.harm(spell)
            if spell.kill:
                await asyncio.sleep(0.2 * spell.seconds * self.draw.random())
                await self.kill()
            await asyncio.sleep(max(0.0, start + spell.start + spell.seconds - time.monotonic()))
            await asyncio.to_thread(self.machine.heal, spell)
            read = self._said(spell.title, read)
            self.wrong = REST

    def _said(self, wrong: str, read: int) -> int:
        """Count the tracebacks that came since `read` of the log under what was wrong; how much there is now."""
        text = self.log.read_text(errors="replace")
        self.log_by[wrong] = self.log_by.get(wrong, Counter()) + tracebacks(text[read:])
        return len(text)

    async def watch(self) -> None:
        """The servers' memory, every two seconds while all of them live, and how long they waited for a core."""
        while True:
            with suppress(OSError, TypeError):  # a process that has just died has no memory to tell of
                self.memory.append(sum(server.memory() for server in self.servers))
                for server in self.servers:
                    server.waited()
            await asyncio.sleep(2)

    async def stay(self, guest: Guest, index: int, until: float) -> None:
        """Act with pauses until a time, and open the page again whenever that is what a browser would do."""
        await self._open(guest, index, until)
        connected = time.monotonic()
        while time.monotonic() < until:
            await asyncio.sleep(guest.draw.expovariate(1 / self.options.pause))
            before, wrong, waited = len(guest.done), self.wrong, guest.server.waited()
            await guest.act(guest.draw.choices([*WEIGHTS], [*WEIGHTS.values()])[0])
            if len(guest.done) == before:
                continue
            done = guest.done[-1]
            outcome = outcome_of(done.fault, self.died(index, connected), guest.server.waited() - waited)
            self._tell(wrong, outcome, done)
            if outcome in ("cut off", "starved", "failure"):
                await self._open(guest, index, until)
                connected = time.monotonic()
            elif outcome == "answer" and self._comparable(guest, wrong):
                guest.views.append(view_of(guest.visitor, guest.picture))

    def _comparable(self, guest: Guest, wrong: str) -> bool:
        """Whether a server where nothing is wrong has to say the same."""
        own = is_own(guest.visitor.query)
        return ASSETS not in (wrong, self.wrong) and not guest.visitor.busy and (guest.picture is not None or not own)

    async def _open(self, guest: Guest, index: int, until: float) -> None:
        """Open the page, again and again until it stands; whether it still has the picture isn't known."""
        guest.picture = None
        if not guest.visitor.known:
            guest.visitor.cookie = ""  # it was asked for in vain
        outcome = ""
        while outcome not in ("answer", "sentence") and time.monotonic() < until:
            asked, waited, wrong = time.monotonic(), guest.server.waited(), self.wrong
            guest.visitor.errors.clear()
            try:
                await asyncio.wait_for(guest.open(), PATIENCE)
                fault = "; ".join(guest.visitor.errors)
            except Exception as error:
                fault = "timeout" if isinstance(error, TimeoutError) else repr(error)
            outcome = outcome_of(fault, self.died(index, asked), guest.server.waited() - waited)
            seconds = time.monotonic() - asked
            self._tell(wrong, outcome, Interaction(guest.visitor.page, "page", "opened", seconds, 0.0, 0, fault))
            if outcome == "cut off":
                await asyncio.sleep(1)

    def _tell(self, wrong: str, outcome: str, done: Interaction) -> None:
        wrong = wrong if self.wrong == REST else self.wrong
        self.told.append(Told(wrong, outcome, done))
        if outcome in ("failure", "starved"):
            print(
                f"  {outcome.upper()} ({wrong}) {done.page} {done.name}, {done.seconds:.0f} s: {done.fault[:300]}",
                flush=True,
            )

    async def play(self, spells: Sequence[Spell]) -> int:
        """All of it; how much was wrong."""
        options, began = self.options, time.monotonic()
        guests = [
            Guest(self.servers[number % len(self.servers)], 1000 * options.seed + number)
            for number in range(options.sessions)
        ]
        until = began + 60 * options.minutes
        watch = asyncio.create_task(self.watch())
        staying = [self.stay(guest, number % len(self.servers), until) for number, guest in enumerate(guests)]
        await asyncio.gather(self.fail(spells), *staying)
        await asyncio.gather(*(guest.visitor.close() for guest in guests))
        await asyncio.sleep(self.options.quiet)
        watch.cancel()
        log = self.log.read_text(errors="replace")
        total = tracebacks(log)
        end(self.servers)
        failures = self.say(total)
        for whole in first_of_each(log).values():
            print(f"\n{whole}", flush=True)
        fresh: Callable[[], Server] = partial(Server, self.machine.environment(), self.log, self.machine.root)
        other = await compare(fresh, [view for guest in guests for view in guest.views], options)
        measured = {"settings": settings_of(options), "memory": self.memory, "tracebacks": total, "other": other}
        counted = Counter(f"{told.wrong}: {told.outcome}" for told in self.told)
        keep(options.out, {**measured, "outcomes": counted}, time.monotonic() - began)
        return failures + total.total() + other

    def say(self, total: Counter[str]) -> int:
        """What came of it, in words; how much failed."""
        print(f"\n{'what was wrong':28} " + " ".join(f"{outcome:>9}" for outcome in OUTCOMES))
        for wrong in (REST, *TITLES):
            counted = Counter(told.outcome for told in self.told if told.wrong == wrong)
            print(f"{wrong:28} " + " ".join(f"{counted[outcome]:9}" for outcome in OUTCOMES))
        counted = Counter(told.outcome for told in self.told)
        print(f"{'in all':28} " + " ".join(f"{counted[outcome]:9}" for outcome in OUTCOMES))
        said = Counter((told.wrong, told.done.fault[:140]) for told in self.told if told.outcome == "sentence")
        for (wrong, sentence), times in said.most_common(30):
            print(f"  {times} x ({wrong}) {sentence}")
        for wrong, found in self.log_by.items():
            for line, times in found.most_common(8):
                print(f"  {times} x in the log ({wrong}): {line}")
        longest = max((told.done.seconds for told in self.told if told.outcome != "cut off"), default=0.0)
        print(f"{len(self.told)} things done, the longest took {longest:.1f} s; {total.total()} tracebacks in the log")
        print(f"{len(self.deaths)} kills, the longest until it stood again {self._longest_death():.1f} s")
        memory = f"{self.memory[0]:.0f} MB before, {max(self.memory):.0f} at most, {self.memory[-1]:.0f} after"
        print(f"memory {memory}; load of the machine {os.getloadavg()[0]:.1f}", flush=True)
        return counted["failure"]

    def _longest_death(self) -> float:
        return max((until - start for _, start, until in self.deaths), default=0.0)


def main() -> int:
    """Run it; 1 where anything was wrong that should not have been."""
    parser = visitors(__doc__, sessions=4, minutes=120.0, checked=3)
    parser.add_argument("--spell", type=float, default=75.0, help="seconds that each thing is wrong")
    parser.add_argument("--rest", type=float, default=45.0, help="seconds between two of them, and before the end")
    parser.add_argument("--quiet", type=float, default=30.0, help="seconds after the visitors, before memory is read")
    options = parser.parse_args()
    if INSIDE not in os.environ:
        command = ["unshare", "--map-root-user", "--mount", sys.executable, "-m", "benchmarks.load.soak", *sys.argv[1:]]
        return subprocess.run(command, env=os.environ | {INSIDE: "1"}, check=False).returncode
    with TemporaryDirectory() as folder:
        machine, log = Machine(Path(folder)), Path(folder, "log")
        machine.mount()
        titles = [title for title in TITLES if title != CLOCK or machine.clock]
        spells = drawn(options.seed, options.minutes, options.spell, options.rest, titles)
        print(
            f"seed {options.seed}, {options.sessions} visitors, {options.servers} servers, {options.minutes:g} minutes"
        )
        print(f"clock: {'libfaketime' if machine.clock else 'left alone, no libfaketime'}; disk {DISK_MB} MB of tmpfs")
        print("; ".join(f"{each.start:.0f} s {each.title} {each.detail}{' + kill' * each.kill}" for each in spells))
        soak = Soak(machine, options, log)
        try:
            wrong = asyncio.run(soak.play(spells))
        finally:
            end(soak.servers)
            for where in (machine.disk, machine.home):
                subprocess.run(["umount", "--lazy", where], check=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
