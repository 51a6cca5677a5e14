"""What was measured of interactions, as one table."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import torch

from core.reports.form.provenance import Run

ATTACKING = ("adversarial",)
"""Pages that attack each network towards every class for each picture, which no drawing makes quick."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One thing that a visitor did.

    Attributes:
        page: where.
        kind: key of `actions.WEIGHTS`.
        name: what was used.
        seconds: from the action to the end of the script.
        processor: seconds of the server's processor time meanwhile; of this alone where nobody else was there.
        received: bytes sent to the visitor.
        fault: "timeout", what the page said went wrong, or "".
    """

    page: str
    kind: str
    name: str
    seconds: float
    processor: float
    received: int
    fault: str = ""

    @property
    def heavy(self) -> bool:
        """Whether it asked for something that takes its time."""
        return self.kind == "heavy" or (self.page in ATTACKING and self.kind in ("page", "picture", "network"))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def stated(name: str, values: Sequence[float]) -> str:
    """A median, a 95th percentile and the largest, in words."""
    if not values:
        return f"{name}: none"
    return (
        f"{name}: median {statistics.median(values):.2f} s, p95 {percentile(values, 0.95):.2f} s, "
        f"largest {max(values):.2f} s, n = {len(values)}"
    )


def table(done: Sequence[Interaction]) -> str:
    """A line for each page and kind: how many, waits, processor time and bytes."""
    lines = [f"{'page':12} {'kind':8} {'n':>5} {'p50 s':>7} {'p95 s':>7} {'cpu s':>7} {'kB':>6} {'faults':>6}"]
    for page, kind in sorted({(each.page, each.kind) for each in done}):
        some = [each for each in done if (each.page, each.kind) == (page, kind)]
        seconds = [each.seconds for each in some]
        processor = statistics.mean(each.processor for each in some)
        received = statistics.mean(each.received for each in some) / 1000
        lines.append(
            f"{page:12} {kind:8} {len(some):5} {statistics.median(seconds):7.2f} {percentile(seconds, 0.95):7.2f} "
            f"{processor:7.3f} {received:6.0f} {sum(bool(each.fault) for each in some):6}"
        )
    return "\n".join(lines)


def rows_of(done: Sequence[Interaction]) -> list[list[Any]]:
    """Interactions as plain values, to the millisecond, in the order of their fields."""
    return [[round(value, 3) if isinstance(value, float) else value for value in astuple(each)] for each in done]


def interactions(rows: Sequence[Sequence[Any]]) -> list[Interaction]:
    """What `rows_of` was made of."""
    return [Interaction(*row) for row in rows]


def keep(path: Path | None, measured: Mapping[str, Any], seconds: float) -> None:
    """Write what was measured to a JSON file, with the code and the machine; nothing where no file is named."""
    if path is not None:
        made = asdict(Run.ended(seconds, torch.device("cpu")))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"made": made, **measured}) + "\n")
