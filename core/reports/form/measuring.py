"""The one loop of all reports: network by network and batch by batch, each kept as soon as it is measured.

A report states what is its own: its settings, what it measures on a batch, and the rows that follow from the arrays.
What it was asked (`Request`), what a killed run left (`Measurer`), and what its file holds (`Measuring`) are the same
for all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from core.data.datasets import LabelledImages
from core.data.tasks import Task
from core.models.zoo import ZooModel
from core.progress import OnPartProgress, silent_on_parts
from core.reports.form.parts_cache import PartsCache
from core.reports.form.provenance import Run, origin
from core.reports.form.report import Report, Row, common_task, write_report
from core.reports.form.resume import Measured, Part, ReportDraft, RowsDraft, joined
from core.reports.form.settings import ReportSettings

S = TypeVar("S", bound=ReportSettings)
M = TypeVar("M", bound=Measured)
T = TypeVar("T")

MeasurePart = Callable[[int, int], Mapping[str, Any]]
"""From the ends of a batch to its arrays, by name."""

MeasureBatches = Callable[
    [str, MeasurePart, Sequence[tuple[int, int]]], Iterator[tuple[tuple[int, int], Mapping[str, Any], float]]
]
"""Measures several batches at once: from what is measured in words, how, and the batches' ends, to each one's ends,
arrays and seconds, as they are finished. What measures travels by pickle."""


@dataclass(frozen=True, slots=True)
class Request(Generic[S]):
    """What is asked of a report.

    Attributes:
        models: classifiers of one task.
        data: labelled images of that task.
        settings: what to measure.
        scratch: folder for what is measured so far, a file a part, so that a killed run goes on where it was; several
            runs may share it. None keeps no parts.
        path: where the report is kept, its arrays beside it. What is there already with the same settings, data and
            weights is kept, other networks' rows too. None keeps nothing.
        on_progress: called with what is measured, images done, and of how many.
        allow_uncommitted: keep the report also where no commit stands for the code.
        at_once: measures batches in other processes; None measures one after the other in this one.

    A report that is made of it raises:
        InputError: no images, networks of several tasks, images of another shape, or a folder can't be written.
        ConfigError: the report is to be kept, the code is uncommitted, and that is not allowed.
    """

    models: Sequence[ZooModel]
    data: LabelledImages
    settings: S
    scratch: Path | None = None
    path: Path | None = None
    on_progress: OnPartProgress = silent_on_parts
    allow_uncommitted: bool = False
    at_once: MeasureBatches | None = None

    @property
    def task(self) -> Task:
        """The task of the networks and the images."""
        return common_task(self.models, self.data)

    def draft(self, stated: Mapping[str, Any]) -> ReportDraft:
        """What the report's file holds of these settings, as plain values."""
        return ReportDraft(self.path, stated, self.models, self.allow_uncommitted)

    def rows_draft(self, stated: Mapping[str, Any]) -> RowsDraft:
        """The same for a report without arrays."""
        return RowsDraft(self.path, stated, self.models, self.allow_uncommitted)

    def parts(self, stated: Mapping[str, Any]) -> PartsCache:
        """The parts that were measured with these settings, as plain values."""
        return PartsCache(self.scratch and self.scratch / self.task.key, stated)


def batch_seed(seed: int, start: int) -> int:
    """Of what a report of that seed draws for the batch that begins with an image."""
    return seed * 1_000_003 + start


class Measurer(Generic[S]):
    """Measures networks a batch at a time, looking into the scratch folder first."""

    def __init__(self, request: Request[S], parts: Mapping[str, Any], batch: int) -> None:
        """Nothing is measured yet.

        Args:
            request: what is asked of the report.
            parts: everything that decides the parts, as plain values.
            batch: images at a time.
        """
        self.task = request.task
        self.data = request.data
        self.settings = request.settings
        self.on_progress = request.on_progress
        self.at_once = request.at_once
        self.parts = request.parts(parts)
        self.batch = batch

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to this process: its progress, its files, and those that help it."""
        own = {"on_progress": silent_on_parts, "at_once": None, "parts": PartsCache(None, {})}
        return vars(self) | own

    def seed(self, start: int) -> int:
        """Of what is drawn for the batch that begins with an image, so that it can be made again by itself."""
        return batch_seed(self.settings.seed, start)

    def bounds(self, count: int) -> list[tuple[int, int]]:
        """The ends of the batches of the first `count` images."""
        return [(start, min(start + self.batch, count)) for start in range(0, count, self.batch)]

    def part(self, model: ZooModel, what: str, start: int, stop: int, measure: MeasurePart, of: str = "") -> Part:
        """The arrays of one batch, and `seconds`.

        Args:
            model: the network.
            what: is measured, in words.
            start: where the batch begins,
            stop: and ends.
            measure: measures it where no file has it.
            of: what else than the network's weights decides the part.
        """
        return self.parts.get(*_name(model, what, start, stop, of), partial(measure, start, stop))

    def each(self, model: ZooModel, what: str, count: int, measure: MeasurePart, of: str = "") -> Iterator[Part]:
        """The arrays of each batch of the first `count` images, as `part` gives them."""
        here = self._at_once(model, what, count, measure, of)
        for start, stop in self.bounds(count):
            known = here.pop((start, stop), None)
            yield self.part(model, what, start, stop, measure, of) if known is None else known
            self.on_progress(f"{model.card.key} {what}", stop, count)

    def _at_once(
        self, model: ZooModel, what: str, count: int, measure: MeasurePart, of: str
    ) -> dict[tuple[int, int], Part]:
        """By their ends the batches that no file has, measured in other processes; none where there are no such."""
        if self.at_once is None:
            return {}
        missing = [ends for ends in self.bounds(count) if not self.parts.has(*_name(model, what, *ends, of))]
        words, done = f"{model.card.key} {what}", count - sum(stop - start for start, stop in missing)
        found = {}
        for ends, arrays, seconds in self.at_once(words, measure, missing):
            found[ends] = self.parts.keep(*_name(model, what, *ends, of), arrays, seconds)
            done += ends[1] - ends[0]
            self.on_progress(words, done, count)
        return found

    def over(self, model: ZooModel, what: str, count: int, measure: MeasurePart) -> tuple[Part, float]:
        """The arrays of the first `count` images end to end, and the seconds that they took."""
        return joined(list(self.each(model, what, count, measure)))


def _name(model: ZooModel, what: str, start: int, stop: int, of: str) -> tuple[str, str]:
    """Of a batch's part: the name, and the subject."""
    return f"{model.card.key}-{what.replace(' ', '-')}-{start}-{stop}", f"{model.card.sha256} {of}".strip()


@dataclass(frozen=True, slots=True)
class Measuring(Generic[S, M]):
    """A report on its way: what is known of it is written whenever more is.

    Attributes:
        request: what is asked.
        draft: what is known.
        result: makes the report of what is known.
    """

    request: Request[S]
    draft: ReportDraft
    result: Callable[[ReportDraft], M]

    def networks(self, measure: Callable[[ZooModel], tuple[Part, float, Iterable[Row]]]) -> M:
        """The report once `measure` was asked for each network that is not known.

        Args:
            measure: gives a network's arrays by their full names, the seconds they took, and what its rows say that
                arrays do not.
        """
        for model in self.request.models:
            if model not in self.draft:
                self.draft.add(model, *measure(model))
                self._write()
        return self.result(self.draft)

    def more(
        self, lacking: Callable[[ZooModel], Sequence[T]], measure: Callable[[ZooModel, Sequence[T]], tuple[Part, float]]
    ) -> M:
        """The report once `measure` was asked for what each network is `lacking`: other networks, other settings."""
        for model in self.request.models:
            if missing := lacking(model):
                self.draft.add_arrays(*measure(model, missing))
                self._write()
        return self.result(self.draft)

    def extended(
        self,
        lacking: Callable[[ZooModel], Sequence[str]],
        measure: Callable[[ZooModel, Sequence[str]], tuple[Part, float, Iterable[Row]]],
    ) -> M:
        """The report once `measure` was asked for what each network is `lacking`, by name; it gives all of its rows."""
        for model in self.request.models:
            if missing := lacking(model):
                self.draft.extend(model, missing, *measure(model, missing))
                self._write()
        return self.result(self.draft)

    def _write(self) -> None:
        self.result(self.draft).write(self.request.path)


def measured_at_once(
    request: Request[S], name: str, stated: Mapping[str, Any], seconds: float, rows: Iterable[Row]
) -> Report:
    """A report whose rows come from one run that ends now, written where the request keeps it.

    Args:
        request: what was asked.
        name: the report's.
        stated: everything that decided the rows, as plain values.
        seconds: that measuring took.
        rows: what was measured.
    """
    run = Run.ended(seconds, request.data.device)
    source = origin(stated["data"], request.settings.seed, seconds, [run])
    report = Report(request.task.key, name, stated, source, tuple(row | {"made": run.identity} for row in rows))
    if request.path is not None:
        write_report(report, request.path)
    return report
