"""The page on what it costs, as Markdown: from measured figures alone, and a price that its reader may change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean, median
from typing import Any

from benchmarks.costs.visitors import P50, P95, most_visitors, simulate
from benchmarks.load.actions import PAGES
from benchmarks.load.measured import Interaction, interactions, percentile

SECONDS, SEED = 1200.0, 0
MILLION, THOUSAND = 1_000_000, 1_000
CORES = (2, 8, 64)
PHOTOGRAPH, GIGABIT = 1e5, 1e9 / 8
"""Bytes of a photograph, and bytes a second of a line."""
MACHINE_CORES, MACHINE_MB = 8, 32_000
"""A machine as many have it, with a line of a gigabit a second, for the question what breaks first."""

Measured = Mapping[str, Any]


def page(pages: Measured, room: Measured, batch: Measured, ray: Measured, price: float) -> str:
    """The whole page.

    Args:
        pages: what `benchmarks.load.pages` measured of one server.
        room: the same of more visitors on several servers, which were left alone afterwards.
        batch: what `benchmarks.load.batch` measured, of all engines.
        ray: the same of Ray alone, over more pictures.
        price: of a core for an hour.
    """
    parts = (
        _head(),
        _pictures(batch, ray, price),
        _visitors(pages, room, price),
        _room(room),
        _sources(pages, room, batch, ray),
    )
    return "\n\n".join(paragraph for part in parts for paragraph in part) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _head() -> Iterator[str]:
    yield "# What it costs"
    yield (
        "A million pictures, a thousand visitors: cores, memory, network and money, carried on from what was measured "
        "on a small machine. `python -m benchmarks.costs > docs/guide/costs.md` makes this page. Its figures are "
        "estimates; each section says how far one was held against a run."
    )


def _pictures(batch: Measured, ray: Measured, price: float) -> Iterator[str]:
    runs = batch["runs"]
    one, two, on_ray, count = runs["one process"], runs["two processes"], runs["ray"], batch["pictures"]
    each = 2 * two["seconds"] / two["pictures"]
    yield "## A million pictures"
    yield (
        f"`robustscope score` on {count:,} CIFAR-10 pictures with {len(batch['networks'])} networks and one detector, "
        "each engine from nothing, on two cores:"
    )
    yield _table(
        ("engine", "seconds", "pictures a second", "times one process"),
        (
            (name, f"{run['seconds']:,.0f}", f"{run['pictures'] / run['seconds']:,.0f}", f"{_ratio(one, run):.2f}")
            for name, run in runs.items()
        ),
    )
    yield (
        f"So a picture costs {1e3 * each:.1f} ms of a core, two processes side by side. For a million, if further "
        "cores lose no more to one another than these two did:"
    )
    hours = {cores: MILLION * each / cores / 3600 for cores in CORES}
    yield _table(
        ("cores", "hours", f"money at {price:g} a core hour"),
        ((cores, f"{took:.2f}", f"{took * cores * price:.2f}") for cores, took in hours.items()),
    )
    giga_in, giga_out = (MILLION * size / count / 1e9 for size in (batch["bytes_in"], two["bytes_out"]))
    yield (
        f"Network: {giga_in:.1f} GB of pictures in, as PNG of 32 × 32, and {giga_out:.2f} GB of Parquet out. "
        f"Photographs are larger: of {PHOTOGRAPH / 1e3:.0f} kB each, a line of one gigabit a second brings them "
        f"in {MILLION * PHOTOGRAPH / GIGABIT / 60:.0f} minutes, the limit where a picture costs so little, from "
        f"{GIGABIT / PHOTOGRAPH * each:.0f} cores on. Networks for photographs cost more a picture: the command says "
        "how much before it starts."
    )
    predicted, (run,) = ray["pictures"] * on_ray["seconds"] / count, ray["runs"].values()
    yield (
        f"**Held against a run:** by the {count:,} pictures, Ray should take {predicted:,.0f} s for "
        f"{ray['pictures']:,}; it took {run['seconds']:,.0f} s ({run['seconds'] / predicted - 1:+.0%}), and wrote "
        f"{run['rows']:,} rows. A million, or more than two cores, were not run."
    )


def _ratio(one: Measured, run: Measured) -> float:
    return float(one["seconds"]) / float(run["seconds"])


def _visitors(pages: Measured, room: Measured, price: float) -> Iterator[str]:
    alone, together, settings = interactions(pages["alone"]), interactions(pages["together"]), pages["settings"]
    pause, there, cores = float(settings["pause"]), int(settings["sessions"]), float(cores_of(pages))
    spent = [each.processor for each in alone]
    yield "## A thousand visitors"
    yield (
        f"One visitor alone on {len(PAGES)} pages, most of their pictures new, n = {len(alone)} interactions: "
        f"{mean(spent):.2f} s of processor time on average, median {percentile(spent, 0.5):.2f} s, 95th percentile "
        f"{percentile(spent, 0.95):.2f} s. In the simulation visitors act, wait, pause for {pause:g} s on average, and "
        "act again; each action takes the processor time of one of these, and what runs at once shares the "
        f"{cores:.0f} cores of a machine with one process, a core each at most."
    )
    light = [each.seconds for each in together if not each.heavy and not each.fault]
    between = pause_between(pages)
    run = simulate(alone, there, cores, between, SECONDS, SEED)
    yield (
        f"**Held against a run:** {there} visitors of one process for {settings['minutes']:g} minutes waited for light "
        f"interactions {percentile(light, 0.5):.1f} s at the median and {percentile(light, 0.95):.1f} s at the 95th "
        f"percentile (n = {len(light)}), using {pages['cores']:.2f} cores; with the pauses that they really made, "
        f"{between:.1f} s, as not every page offers what was drawn, the simulation says {run.p50:.1f} and "
        f"{run.p95:.1f} s, and {run.cores:.2f} cores."
    )
    most = most_visitors(alone, cores, pause, SECONDS, SEED)
    counts = sorted({1, 2, 5, 10, 20, 40, max(1, most)})
    waits = {count: simulate(alone, count, cores, pause, SECONDS, SEED) for count in counts}
    yield _table(
        ("visitors at once", "median s", "95th percentile s", "cores used"),
        ((count, f"{each.p50:.2f}", f"{each.p95:.2f}", f"{each.cores:.2f}") for count, each in waits.items()),
    )
    quick = f"Quick means {P50:g} s at the median and {P95:g} s at the 95th percentile, for light interactions."
    if most == 0:
        yield f"{quick} Not even one visitor finds it quick, so nothing is said of a thousand."
        return
    processes, each_mb = -(-THOUSAND // most), room["memory_at_most"] / room["settings"]["sessions"]
    yield (
        f"{quick} It stays quick up to {most} visitors who look at different things. So a thousand who are "
        f"all there at once take {processes} such machines, {processes * cores:,.0f} cores and "
        f"{THOUSAND * each_mb / 1000:,.0f} GB of memory, if a visitor takes what one of the full room below took: "
        f"{processes * cores * price:.2f} an hour at {price:g} a core hour. Rooms that look at the same pictures cost "
        "far less, for equal work is done once."
    )
    yield from _first_to_break(alone, most, cores, each_mb, pause)


def _room(room: Measured) -> Iterator[str]:
    settings, done = room["settings"], interactions(room["together"])
    yield (
        f"**{settings['sessions']} visitors** of {settings['servers']} processes were played as well, for "
        f"{settings['minutes']:g} minutes, with {settings['pause']:g} s between a visitor's actions:"
    )
    fine = [each for each in done if not each.fault]
    kinds = {
        "light": [each.seconds for each in fine if not each.heavy],
        "heavy: those that attack, and new pictures of Adversarial": [each.seconds for each in fine if each.heavy],
    }
    yield _table(
        ("interactions", "n", "median s", "95th percentile s", "longest s"),
        (
            (name, f"{len(each):,}", *(f"{value:.2f}" for value in (median(each), percentile(each, 0.95), max(each))))
            for name, each in kinds.items()
        ),
    )
    held, start = room["rested"], room["memory"][0]
    yield (
        f"{sum(bool(each.fault) for each in done)} faults, {room['cores']:.2f} cores used. Memory with all processes: "
        f"{start / 1000:.1f} GB as they start, {room['memory_at_most'] / 1000:.1f} GB at most, {held[0] / 1000:.1f} GB "
        f"when the last visitor had gone, {held[-1] / 1000:.1f} GB after {settings['rest']:g} minutes alone."
    )


def cores_of(found: Measured) -> int:
    """The cores of the machine that measured."""
    return int(str(found["made"]["machine"]).split(", ")[1].split()[0])


def pause_between(pages: Measured) -> float:
    """Seconds from an answer to the same visitor's next action, on average over all who were there together."""
    together, settings = interactions(pages["together"]), pages["settings"]
    return float(60 * settings["minutes"] * settings["sessions"]) / len(together) - mean(
        each.seconds for each in together
    )


def _first_to_break(alone: list[Interaction], most: int, cores: float, each_mb: float, pause: float) -> Iterator[str]:
    received = mean(each.received for each in alone)
    limits = {
        "cores": int(most * MACHINE_CORES / cores),
        "memory": int(MACHINE_MB / each_mb),
        "network": int(GIGABIT / received * pause),
    }
    first = min(limits, key=limits.__getitem__)
    yield (
        f"**What breaks first** on a machine of {MACHINE_CORES} cores with {MACHINE_MB / 1000:.0f} GB and a line of "
        f"one gigabit a second: the {first}. An interaction sends {received / 1000:,.0f} kB on average, before "
        "compression."
    )
    yield _table(("limit", "visitors"), ((name, f"{count:,}") for name, count in limits.items()))


def _sources(pages: Measured, room: Measured, batch: Measured, ray: Measured) -> Iterator[str]:
    yield "## Where the figures are from"
    found = {"visitors": pages, "a full room": room, "pictures": batch, "Ray": ray}
    made = {name: each["made"] for name, each in found.items()}
    yield _table(
        ("what", "code", "when", "seconds", "machine"),
        ((name, _code(run), run["when"], run["seconds"], run["machine"]) for name, run in made.items()),
    )
    yield (
        f"The simulation runs {SECONDS:,.0f} s with seed {SEED}; its first tenth is not counted. The price is an "
        "assumption: `--price` takes yours."
    )


def _code(run: Measured) -> str:
    return f"{run['code']}{', with uncommitted changes' if run['uncommitted'] else ''}"
