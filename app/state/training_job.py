"""One training, as it stands: what is known of it while it waits, runs and has ended."""

from dataclasses import dataclass
from typing import Literal

from core.training.jobs.messages import Point, Ready, TrainingRequest

State = Literal["waiting", "running", "paused", "stopping", "stopped", "failed", "finished"]


@dataclass(frozen=True, slots=True)
class Job:
    """One training, as it stands.

    Attributes:
        id: its name, which also names its folder.
        visitor: whose it is.
        order: what is trained.
        state: where it stands.
        sentence: why it failed or stopped, where that needs saying; may be empty.
        ready: what is watched; None before the first step.
        points: what was measured so far.
        at: epochs done, with their fraction.
        left: seconds left, as far as known.
    """

    id: str
    visitor: str
    order: TrainingRequest
    state: State = "waiting"
    sentence: str = ""
    ready: Ready | None = None
    points: tuple[Point, ...] = ()
    at: float = 0.0
    left: float | None = None

    @property
    def active(self) -> bool:
        """Whether it runs, waits, or is about to stop."""
        return self.state in ("waiting", "running", "paused", "stopping")

    @property
    def resumable(self) -> bool:
        """Whether it can go on from its last finished epoch."""
        return self.state in ("stopped", "failed")
