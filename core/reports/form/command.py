"""How the command line asks for a report, and what it is told of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from core.data.datasets import LabelledImages
from core.models.zoo import ZooModel
from core.progress import OnPartProgress
from core.reports.form.report import Report
from core.reports.form.verification import Recomputation, Sample

R = TypeVar("R")
S = TypeVar("S")
"""A report's settings: a frozen dataclass."""


@dataclass(frozen=True, slots=True)
class Request(Generic[S]):
    """What a command asks of a report.

    Attributes:
        models: classifiers of one task.
        data: labelled images of that task.
        settings: what to measure.
        scratch: folder for what is measured so far.
        path: where the report is kept; None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.
        allow_uncommitted: keep the report also where no commit stands for the code.
    """

    models: Sequence[ZooModel]
    data: LabelledImages
    settings: S
    scratch: Path
    path: Path | None
    on_progress: OnPartProgress
    allow_uncommitted: bool = False

    def make(self, report: Callable[..., R], *given: object) -> R:
        """What a report's function makes of this: it is given `given`, data, settings and where things are kept."""
        return report(
            *(given or (self.models,)),
            self.data,
            self.settings,
            self.scratch,
            self.path,
            self.on_progress,
            allow_uncommitted=self.allow_uncommitted,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A report, and what is said of it in plain lines."""

    report: Report
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command(Generic[S]):
    """A report as a command.

    Attributes:
        settings: from the number of test images asked for (None: as many as the report asks for itself) and the seed;
            `settings(None, 0)` are those of the report that ships.
        run: makes the report.
        recompute: makes one figure of a report that exists again, from weights and data.
        models: keys that are measured where none are named, as far as the task has them; empty for all.
    """

    settings: Callable[[int | None, int], S]
    run: Callable[[Request[S]], Answer]
    recompute: Callable[[Sample], Recomputation]
    models: tuple[str, ...] = ()
