"""A long report on its way: its arrays beside it in the folder, and what several runs may add to the same files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.devices import CPU
from core.models.zoo import ZooModel
from core.npz import read_npz, write_npz
from core.reports.form.chosen import FRESH_MODELS
from core.reports.form.provenance import Run, refuse_uncommitted, signed
from core.reports.form.report import Arrays, Report, Row, read_report, write_report

Part = dict[str, NDArray[Any]]
"""Arrays by name. What belongs to a network has its key in the name, after two underscores: `found__standard`."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A report with its arrays. Each report has a class of its own, whose module says what is in both."""

    report: Report
    arrays: Arrays

    @classmethod
    def read(cls, path: Path) -> Self:
        """Report and arrays from the report's file and the NPZ beside it.

        Raises:
            InputError: one of them is missing or damaged.
        """
        return cls(read_report(path), read_npz(path.with_suffix(".npz")))

    @classmethod
    def exists(cls, path: Path) -> bool:
        """Whether both files are there."""
        return path.exists() and path.with_suffix(".npz").exists()

    def write(self, path: Path | None) -> None:
        """Write both, the arrays first; None writes nothing.

        Raises:
            InputError: the folder can't be written.
        """
        if path is not None:
            write_npz(self.arrays, path.with_suffix(".npz"))
            write_report(self.report, path)

    @property
    def weights(self) -> dict[str, str]:
        """The checksums of the weights of the networks that it tells of, by key."""
        stated: Mapping[str, str] | None = self.report.provenance.get("weights")
        if stated is not None:
            return dict(stated)
        return {str(row["model"]): str(row["sha256"]) for row in self.report.rows if row["model"]}


class MeasuredRows(Measured):
    """A report without arrays: its file alone."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """The report in a file.

        Raises:
            InputError: it is missing or damaged.
        """
        return cls(read_report(path), {})

    @classmethod
    def exists(cls, path: Path) -> bool:
        """Whether the file is there."""
        return path.exists()

    def write(self, path: Path | None) -> None:
        """Write the report; None writes nothing.

        Raises:
            InputError: the folder can't be written.
        """
        if path is not None:
            write_report(self.report, path)


class ReportDraft:
    """What is known of a report so far: what this run added, and what its file holds and still is true.

    Of the file that is everything made with the same settings, but for networks whose weights are others now. It is
    looked at again with every addition: other runs may have measured other networks meanwhile.

    Attributes:
        weights: the checksums of the networks known, by key.
        rows: by key, the rows that tell of a network.
        arrays: by name.
        made: by subject (a network's key, or two joined by two underscores) the runs that measured it, as
            `core.reports.form.provenance` says.
        seconds: that measuring took.
    """

    _kind: type[Measured] = Measured

    def __init__(
        self,
        path: Path | None,
        settings: Mapping[str, Any],
        models: Sequence[ZooModel],
        allow_uncommitted: bool = False,
    ) -> None:
        """Begin with what the file holds.

        Args:
            path: of the report's file; None for a report that is not kept.
            settings: everything that decides the figures, as plain values.
            models: what this run asks for; their weights are the ones that hold.
            allow_uncommitted: keep the report also where no commit stands for the code.

        Raises:
            ConfigError: the report is to be kept, the code is uncommitted, and that isn't allowed.
        """
        refuse_uncommitted(path, allow_uncommitted)
        self.path = path
        self.settings = settings
        self.asked = {model.card.key: model.card.sha256 for model in models}
        self.device = next((model.device for model in models), CPU)
        self.weights: dict[str, str] = {}
        self.rows: dict[str, tuple[Row, ...]] = {}
        self.arrays: Part = {}
        self.made: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.seconds = 0.0
        self._join()

    def __contains__(self, model: ZooModel) -> bool:
        return model.card.key in self.weights

    @property
    def keys(self) -> list[str]:
        """The networks known, in the order of a report."""
        return standard_first(self.weights)

    def add(self, model: ZooModel, arrays: Part, seconds: float, rows: Iterable[Row] = ()) -> None:
        """Take in a network: its arrays, the seconds they took, and what rows say that arrays do not."""
        key = model.card.key
        self._take(arrays, seconds)
        self.made[key] = self._run(seconds)
        self.weights[key] = model.card.sha256
        self.rows[key] = tuple(rows)

    def add_arrays(self, arrays: Part, seconds: float) -> None:
        """Take in more arrays, of one network, of pairs or of none, and the seconds they took."""
        self._take(arrays, seconds)
        run = self._run(seconds)
        for subject in {"__".join(name.split("__")[1:]) for name in arrays} - {""}:
            self.made[subject] = ",".join(filter(None, (self.made.get(subject), run)))

    def extend(self, model: ZooModel, what: Sequence[str], arrays: Part, seconds: float, rows: Iterable[Row]) -> None:
        """Take in more of a network that is known: `rows` are all of its rows, those known before included.

        The run stands for `what` of the network alone, by subjects such as `standard__joint`.
        """
        key = model.card.key
        self._take(arrays, seconds)
        self.made |= dict.fromkeys((f"{key}__{name}" for name in what), self._run(seconds))
        self.rows[key] = tuple(rows)

    def provenance(self) -> dict[str, Any]:
        """Of the report: data, seed, seconds, the runs that still stand for something, and what each measured."""
        used = {run for runs in self.made.values() for run in runs.split(",")}
        return {
            "data": self.settings["data"],
            "seed": self.settings["seed"],
            "seconds": round(self.seconds, 1),
            "runs": {run: facts for run, facts in self.runs.items() if run in used},
            "made": self.made,
        }

    def signed(self, rows: Iterable[Row], subjects: Callable[[Row], Sequence[str]] | None = None) -> tuple[Row, ...]:
        """Rows, each with the runs that it rests on, where they are known.

        Args:
            rows: of the report.
            subjects: what a row tells of; without it the row's `model`, or all networks where it names none.
        """
        of = subjects or (lambda row: [str(row["model"])] if row["model"] else self.keys)
        return tuple(signed(row, self.made, of(row)) for row in rows)

    def report(self, task: str, name: str, rows: Iterable[Row]) -> Report:
        """The report of a task under its name, with these rows."""
        return Report(task, name, self.settings, self.provenance(), tuple(rows))

    def _take(self, arrays: Part, seconds: float) -> None:
        self._join()
        self.arrays |= arrays
        self.seconds += seconds

    def _run(self, seconds: float) -> str:
        """A run that ends now, by its identity."""
        run = Run.ended(seconds, self.device)
        self.runs[run.identity] = run.facts()
        return run.identity

    def _join(self) -> None:
        if self.path is None or not self._kind.exists(self.path):
            return
        earlier = self._kind.read(self.path)
        if _deciding(earlier.report.settings) != _deciding(self.settings):
            return
        known = earlier.weights
        gone = {key for key, checksum in known.items() if self.asked.get(key, checksum) != checksum}
        gone |= _fresh(earlier.report.settings) ^ _fresh(self.settings)
        still = {key: checksum for key, checksum in known.items() if key not in gone}
        rows = {key: tuple(row for row in earlier.report.rows if row["model"] == key) for key in still}
        arrays = {name: array for name, array in earlier.arrays.items() if gone.isdisjoint(name.split("__")[1:])}
        self.weights, self.rows, self.arrays = still | self.weights, rows | self.rows, arrays | self.arrays
        made = self._made_by(earlier.report)
        self.made = {
            subject: runs for subject, runs in made.items() if gone.isdisjoint(subject.split("__"))
        } | self.made
        self.runs = {**earlier.report.provenance.get("runs", {}), **self.runs}
        self.seconds = max(self.seconds, float(earlier.report.provenance["seconds"]))

    @staticmethod
    def _made_by(report: Report) -> Mapping[str, str]:
        """By subject the runs that measured it, as a report states them."""
        made: Mapping[str, str] = report.provenance.get("made", {})
        return made


class RowsDraft(ReportDraft):
    """The same of a report without arrays, whose rows alone name the runs."""

    _kind = MeasuredRows

    def provenance(self) -> dict[str, Any]:
        """Of the report: data, seed, seconds, and the runs that its rows name."""
        return {name: value for name, value in super().provenance().items() if name != "made"}

    @staticmethod
    def _made_by(report: Report) -> Mapping[str, str]:
        return {str(row["model"]): str(row["made"]) for row in report.rows if "made" in row}


def _deciding(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What decides every network's figures; which of them are of other images decides those of these alone."""
    return {name: value for name, value in settings.items() if name != FRESH_MODELS}


def _fresh(settings: Mapping[str, Any]) -> set[str]:
    return set(settings.get(FRESH_MODELS, ()))


def standard_first(keys: Iterable[str]) -> list[str]:
    """Keys of networks in the order of a report: `standard`, and the others by name."""
    return sorted(keys, key=lambda key: (key != "standard", key))


def joined(parts: Sequence[Mapping[str, NDArray[Any]]]) -> tuple[Part, float]:
    """The arrays of a scratch's parts end to end, by name, and the seconds that they took."""
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "seconds"}
    return arrays, sum(float(part["seconds"]) for part in parts)
