"""Fair timings of several ways to do the same work."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

OURS, WHOLE = "ours", "ours, float32"
"""As the dashboard does it, with gradients in bfloat16 on a processor that has it; and in float32 throughout."""


def interleaved(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """The median seconds of each way, by the clock on the wall and by that of the processor.

    Every way runs once a round, so that a slow minute of the machine hits all of them; the order turns each round.
    Beside other work on the machine the processor's seconds are the steadier of the two.
    """
    names = list(work)
    for run in work.values():
        run()  # warm: allocations and kernels chosen
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            wall, processor = time.perf_counter(), time.process_time()
            work[name]()
            taken[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {name: _medians(values) for name, values in taken.items()}


def _medians(values: list[tuple[float, float]]) -> tuple[float, float]:
    wall, processor = zip(*values, strict=True)
    return statistics.median(wall), statistics.median(processor)


def differs(wrong: bool, sentence: str) -> list[str]:
    """The sentence, said at once, where two ways do not do the same work; nothing where they do."""
    if wrong:
        print(f"  NOT THE SAME WORK: {sentence}")
    return [sentence] if wrong else []


def print_table(title: str, seconds: Mapping[str, tuple[float, float]], aim: float, apart: Sequence[str] = ()) -> float:
    """Print one comparison, ours against the best peer, and return that ratio (wall clock).

    Args:
        title: what was done.
        seconds: by the name of each way, on the wall and of the processor.
        aim: the most that the ratio should be.
        apart: where the ways do not do the same work; then the ratio is none of equals, and there is no verdict.
    """
    best = [min(value[clock] for name, value in seconds.items() if name not in (OURS, WHOLE)) for clock in (0, 1)]
    print(f"\n{title}")
    for name, (wall, processor) in sorted(seconds.items(), key=lambda item: item[1]):
        print(f"  {name:<14} {wall * 1e3:9.1f} ms, {processor * 1e3:9.1f} ms of processor time")
    ratio, of_processor = (seconds[OURS][clock] / best[clock] for clock in (0, 1))
    verdict = "met" if ratio <= aim else "MISSED"
    if apart:
        verdict = f"no verdict, for this is not the same work ({'; '.join(apart)})"
    print(f"  ours / best peer: {ratio:.2f} (processor time {of_processor:.2f}); aim <= {aim:.2f}: {verdict}")
    return ratio
