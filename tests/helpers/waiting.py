"""Waiting for what takes an unknown time, and no longer than that."""

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds; a busy machine takes long


def until(holds: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait for a condition; fail with `what` after `patience` seconds."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, f"waited {patience:.0f} s for {what}"
        time.sleep(0.02)
