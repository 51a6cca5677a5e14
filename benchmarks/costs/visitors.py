"""Visitors of one server process, simulated: how long light interactions take when so many are there at once."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load.actions import WEIGHTS
from benchmarks.load.measured import Interaction, percentile

P50, P95 = 0.6, 3.0  # seconds that light interactions may take


@dataclass(frozen=True, slots=True)
class Waits:
    """What visitors waited for light interactions, from the action to the end of its work.

    Attributes:
        p50: seconds, the median.
        p95: seconds, the 95th percentile.
        light: how many there were.
        cores: processor time used by all of them a second.
    """

    p50: float
    p95: float
    light: int
    cores: float

    @property
    def good(self) -> bool:
        """Whether visitors would call it quick."""
        return self.p50 <= P50 and self.p95 <= P95


@dataclass(slots=True)
class _Work:
    visitor: int
    left: float
    began: float
    heavy: bool


def simulate(
    actions: Sequence[Interaction], visitors: int, cores: float, pause: float, seconds: float, seed: int
) -> Waits:
    """Visitors who act, wait for the answer, pause, and act again, on a process that shares `cores` among what runs.

    Each action takes the processor time of one that was measured with a visitor alone, drawn by the kinds' weights; it
    runs on one core at most, and what runs at once goes equally fast. Start-up, the network and the browser are left
    out, and so is what several ask for and is computed once.

    Args:
        actions: measured, of every kind in `WEIGHTS`.
        visitors: how many are there at once.
        cores: what one process uses at most.
        pause: mean seconds between an answer and the next action, exponential.
        seconds: simulated time; the first tenth is not counted.
        seed: of everything drawn.
    """
    draw = random.Random(seed)
    by_kind = {kind: [each for each in actions if each.kind == kind] for kind in WEIGHTS}
    waiting = sorted((draw.expovariate(1 / pause), visitor) for visitor in range(visitors))
    running: list[_Work] = []
    now, used, waits = 0.0, 0.0, []
    while now < seconds:
        speed = min(1.0, cores / len(running)) if running else 0.0
        first_done = min((work.left for work in running), default=float("inf"))
        until_done = first_done / speed if running else float("inf")
        until_action = waiting[0][0] - now if waiting else float("inf")
        step = max(0.0, min(until_done, until_action))
        now += step
        used += step * speed * len(running)
        for work in running:
            work.left -= step * speed
        if until_action < until_done:
            _, visitor = waiting.pop(0)
            kind = draw.choices([*WEIGHTS], [*WEIGHTS.values()])[0]
            action = draw.choice(by_kind[kind])
            running.append(_Work(visitor, max(action.processor, 1e-3), now, action.heavy))
            continue
        for work in [work for work in running if work.left <= first_done * 1e-9 + 1e-9]:
            running.remove(work)
            if not work.heavy and work.began > seconds / 10:
                waits.append(now - work.began)
            waiting.append((now + draw.expovariate(1 / pause), work.visitor))
        waiting.sort()
    return Waits(percentile(waits, 0.5), percentile(waits, 0.95), len(waits), used / now)


def most_visitors(actions: Sequence[Interaction], cores: float, pause: float, seconds: float, seed: int) -> int:
    """The most visitors whose light interactions stay quick, one by one upwards; 0 where one alone waits too long."""
    most = 0
    while simulate(actions, most + 1, cores, pause, seconds, seed).good:
        most += 1
    return most
