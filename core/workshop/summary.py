"""What a room's answers amount to: shares with intervals, people compared with themselves, agreement, one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.metrics.intervals import bootstrap, wilson
from core.workshop.agreement import nominal_alpha
from core.workshop.rounds.bars import Measure, Share
from core.workshop.rounds.catalogue import kind_named
from core.workshop.state import Round, Tallies

DRAWS = 20_000
EXACT = 14
"""People up to which all 2**n signs are gone through; `DRAWS` seeded draws above."""

Answers = Sequence[tuple[int, int, str]]
"""Number of the person, item, value."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same people on two bars: the mean difference of their own shares, the second minus the first.

    Attributes:
        first: label of one bar.
        second: label of the other.
        difference: mean over people, in [-1, 1].
        low: lower end of the bootstrap interval over people at 95 %.
        high: upper end.
        p: two-sided, of the sign-flip permutation test over people.
        people: who answered for both bars.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    people: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a round came to.

    Attributes:
        sentence: the point, for the back row.
        shares: the bars. Their Wilson intervals take answers for independent; those of one person are less so.
        comparisons: between bars, person by person.
        alpha: Krippendorff's alpha between people; None where there is nothing to agree on.
        machines: what networks and detectors did on the same items.
    """

    sentence: str
    shares: tuple[Share, ...]
    comparisons: tuple[Comparison, ...]
    alpha: float | None
    machines: tuple[Share, ...]


def shares(round_: Round, tallies: Tallies) -> tuple[Share, ...]:
    """The bars of a round from its counts alone; without any answer an interval is all of [0, 1]."""
    return tuple(_share(round_, measure, tallies) for measure in kind_named(round_.kind).rules.measures(round_))


def _share(round_: Round, measure: Measure, tallies: Tallies) -> Share:
    hits = n = 0
    for (index, value), count in tallies.items():
        item = round_.items[index]
        if measure.among(item):
            n += count
            hits += count if measure.hits(item, value) else 0
    low, high = wilson(hits, n) if n else (0.0, 1.0)
    return Share(measure.name, measure.group, measure.label, hits, n, low, high)


def sentence(round_: Round, tallies: Tallies) -> str:
    """The room's answer as one sentence."""
    if not tallies:
        return "Nobody has answered yet."
    return kind_named(round_.kind).rules.words(round_, shares(round_, tallies), tallies)


def summarise(round_: Round, tallies: Tallies, answers: Answers) -> Summary:
    """All that is said of a round once it is revealed."""
    kind = kind_named(round_.kind)
    measures = kind.rules.measures(round_)
    pairs = [(measures[one], measures[two]) for one, two in kind.rules.compared(round_)]
    compared = (compare(round_, one, two, answers) for one, two in pairs)
    return Summary(
        sentence(round_, tallies),
        shares(round_, tallies),
        tuple(each for each in compared if each is not None),
        nominal_alpha((item, value) for _, item, value in answers),
        kind.rules.machines(round_),
    )


def compare(round_: Round, one: Measure, two: Measure, answers: Answers) -> Comparison | None:
    """The people who answered for both bars, each compared with themselves; None with fewer than two of them."""
    own: dict[int, tuple[list[bool], list[bool]]] = {}
    for number, index, value in answers:
        item = round_.items[index]
        for place, measure in enumerate((one, two)):
            if measure.among(item):
                own.setdefault(number, ([], []))[place].append(measure.hits(item, value))
    differences = np.array([np.mean(second) - np.mean(first) for first, second in own.values() if first and second])
    if len(differences) < 2:
        return None
    low, high = bootstrap(differences, lambda drawn: float(drawn.mean()))
    return Comparison(
        one.label, two.label, float(differences.mean()), low, high, sign_flip_p(differences), len(differences)
    )


def sign_flip_p(differences: NDArray[np.float64], seed: int = 0) -> float:
    """Two-sided p of paired differences (n,): how often their mean is as far from 0 when each sign is a coin's.

    Exact up to `EXACT` people; above, by `DRAWS` draws of which what is seen counts as one (Phipson, Smyth 2010).
    """
    n, seen = len(differences), abs(float(differences.sum()))
    if n <= EXACT:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(np.abs(signs @ differences) >= seen - 1e-9))
    signs = np.random.default_rng(seed).choice([-1, 1], size=(DRAWS, n))
    return float((1 + np.sum(np.abs(signs @ differences) >= seen - 1e-9)) / (DRAWS + 1))


@dataclass(frozen=True, slots=True)
class Pooled:
    """A bar over several workshops: all answers together, and how far the workshops lie apart.

    Attributes:
        label: of the bar.
        together: all answers as if of one room.
        rooms: each workshop's share, the earliest first.
        spread: standard deviation of these shares; None of one workshop.
    """

    label: str
    together: Share
    rooms: tuple[float, ...]
    spread: float | None


def pool(rooms: Sequence[Sequence[Share]]) -> tuple[Pooled, ...]:
    """The bars of workshops that asked the same, one row each; a workshop without answers to a bar does not count."""
    found = []
    for bars in zip(*rooms, strict=True):
        some = [bar for bar in bars if bar.n]
        if some:
            hits, n = sum(bar.hits for bar in some), sum(bar.n for bar in some)
            together = Share(some[0].measure, some[0].group, some[0].label, hits, n, *wilson(hits, n))
            each = tuple(bar.share for bar in some)
            spread = float(np.std(each, ddof=1)) if len(each) > 1 else None
            found.append(Pooled(some[0].label, together, each, spread))
    return tuple(found)
