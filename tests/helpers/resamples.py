"""Fewer resamples, where the last digit of an interval does not matter."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core.metrics import intervals
from core.reports.claims import latent


@contextmanager
def few_resamples() -> Iterator[None]:
    """A twentieth of a report's resamples."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (intervals, latent):
            patch.setattr(module, "RESAMPLES", 50)
        yield
