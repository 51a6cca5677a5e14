"""Waiting for what takes an unknown time, and no longer than that."""

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds; a busy machine takes long


def until(holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait for a condition; fail with `what` after `patience` seconds.

    The longer it takes, the rarer it is asked for: each look costs a browser and a server what they are waited for.
    """
    start, pause = time.monotonic(), 0.02
    while not holds():
        assert time.monotonic() < start + patience, f"waited {patience:.0f} s for {what}"
        time.sleep(pause)
        pause = min(1.3 * pause, 0.25)
