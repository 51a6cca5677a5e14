"""How the command line asks for a report, and what it is told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.data.datasets import LabelledImages, load
from core.data.tasks import Task
from core.reports.form.measuring import Request
from core.reports.form.report import Report
from core.reports.form.settings import ReportSettings
from core.reports.form.verification import Recomputation, Sample

S = TypeVar("S", bound=ReportSettings)


@dataclass(frozen=True, slots=True)
class Answer:
    """A report, and what is said of it in plain lines."""

    report: Report
    lines: tuple[str, ...]


def test_images(task: Task) -> LabelledImages:
    """The task's own.

    Raises:
        DataMissingError: they are not here.
    """
    return load(task, "test")


@dataclass(frozen=True, slots=True)
class Command(Generic[S]):
    """A report as a command.

    Attributes:
        settings: from the number of test images asked for (None: as many as the report asks for itself) and the seed;
            `settings(None, 0)` are those of the report that ships.
        run: makes the report.
        recompute: makes one figure of a report that exists again, from weights and data.
        models: keys that are measured where none are named, as far as the task has them; empty for all.
        pictures: what of a task it is measured on where no folder is named.
        batches: whether it is measured batch by batch, so that several can be measured at once.
    """

    settings: Callable[[int | None, int], S]
    run: Callable[[Request[S]], Answer]
    recompute: Callable[[Sample], Recomputation]
    models: tuple[str, ...] = ()
    pictures: Callable[[Task], LabelledImages] = test_images
    batches: bool = True
