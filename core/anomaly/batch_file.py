"""Scores of any number of files in a table, in bounded memory; a run that was killed goes on where it was.

Finished rows go to parts beside the table, each written in one move; the table is put together from them at the end,
as CSV or Parquet. Columns: `path`, `sha256` of the file, `model`, `detector`, `score`, `p_value`, `error`. A file has a
row for each detector, or one row with the reason why there is no score: then `detector`, `score` and `p_value` are
null, and `sha256` where not even the bytes could be read.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from pyarrow.csv import CSVWriter
from torch import Tensor

from core.anomaly.calibration import BATCH, Calibration, check_detectors
from core.data.incoming import Incoming, check_paths, incoming
from core.data.tasks import Task
from core.errors import ConfigError, InputError
from core.files import write_atomically
from core.images import decode, fit
from core.models.zoo import ZooModel

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("model", pa.string()),
        ("detector", pa.string()),
        ("score", pa.float64()),
        ("p_value", pa.float64()),
        ("error", pa.string()),
    ]
)
_SETTINGS = "settings.json"
_PART = re.compile(rf"({re.escape(_SETTINGS)}|\d{{8}}\.parquet)(\.part)?")
"""Names of the files in a folder of parts."""
_BATCH_BYTES = 100_000_000  # of files that wait to be scored

Fitting = Literal["crop", "letterbox"]
FITTINGS: tuple[Fitting, ...] = ("crop", "letterbox")
Row = dict[str, Any]
Scores = dict[str, tuple[float, float]]
"""By detector a score and its p-value."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """How files are scored.

    Attributes:
        detectors: keys of the detectors asked for.
        fitting: how a picture is brought to the task's shape, see `core.images.fit`.
        alpha: what has a p-value of at most this is flagged; the share of normal images that are.
        batch: images in memory at once, and files in a part of the table.
        invert: light and dark are swapped.

    Raises:
        ConfigError: no detector, an unknown fitting, a rate outside (0, 1) or a batch below 1.
    """

    detectors: tuple[str, ...]
    fitting: Fitting = "crop"
    alpha: float = 0.05
    batch: int = BATCH
    invert: bool = False

    def __post_init__(self) -> None:
        if not self.detectors or self.fitting not in FITTINGS or not 0 < self.alpha < 1 or self.batch < 1:
            raise ConfigError(f"need a detector, a fitting of {', '.join(FITTINGS)}, and 0 < alpha < 1; got {self}")


@dataclass(slots=True)
class Tally:
    """What a table holds.

    Attributes:
        scored: files with scores.
        errors: files without.
        flagged: by detector the files flagged.
    """

    scored: int = 0
    errors: int = 0
    flagged: dict[str, int] = field(default_factory=dict)

    def share(self, detector: str) -> float:
        """The share of the files with scores that a detector flags; 0 where there are none."""
        return self.flagged[detector] / self.scored if self.scored else 0.0


def score_files(
    model: ZooModel,
    screen: Calibration,
    paths: Sequence[Path],
    out: Path,
    scoring: Scoring,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Tally:
    """Write the table of all files under `paths` to `out`; an older table there is replaced when the new one is whole.

    A run that was ended early left the folder `<out>.parts`. The same call then goes on after what is in it: files are
    known by their paths, so one that changed meanwhile keeps its row. A path that comes twice is scored once. The table
    and its parts are not taken for files to score.

    Args:
        model: the network.
        screen: its detectors.
        paths: files, folders and ZIPs, see `core.data.incoming`.
        out: the table; CSV if it is called so, else Parquet.
        scoring: how.
        on_progress: called with the number of files done, those of an earlier run included.

    Raises:
        ConfigError: a path does not exist, an unknown detector, or parts of a run with other settings, or a folder of
            somebody's own, lie there. Nothing is written then.
        InputError: parts are damaged, or the folder can't be written.
    """
    check_detectors(screen, scoring.detectors)
    check_paths(paths)
    parts = _Parts(out, _stated(model, screen, paths, scoring))
    done = parts.done()
    on_progress(len(done))
    batch: list[Incoming] = []
    for file in incoming(paths, done):
        path = _text(file.path)
        if path in done or parts.own(file.path):
            continue
        done.add(path)
        batch.append(file)
        if len(batch) == scoring.batch or sum(len(each.data) for each in batch) > _BATCH_BYTES:
            parts.write(_rows(model, screen, scoring, batch))
            batch = []
            on_progress(len(done))
    if batch:
        parts.write(_rows(model, screen, scoring, batch))
    on_progress(len(done))
    return parts.join(scoring)


def _stated(model: ZooModel, screen: Calibration, paths: Sequence[Path], scoring: Scoring) -> str:
    """What must be the same for parts to belong together."""
    return json.dumps(
        {
            "task": model.card.task,
            "model": model.card.key,
            "sha256": model.card.sha256,
            "calibration": screen.digest,
            "detectors": list(scoring.detectors),
            "fitting": scoring.fitting,
            "invert": scoring.invert,
            "paths": [_text(str(path)) for path in paths],
        },
        sort_keys=True,
    )


def _rows(model: ZooModel, screen: Calibration, scoring: Scoring, files: Sequence[Incoming]) -> list[Row]:
    """The rows of some files, in their order."""
    return rows_of(model, screen, scoring, files, *fitted(model.task, scoring, files))


def fitted(task: Task, scoring: Scoring, files: Sequence[Incoming]) -> tuple[dict[int, Tensor], dict[int, str]]:
    """The files that are pictures, by their place in `files`, as images (1, C, H, W); and why the others are none."""
    images: dict[int, Tensor] = {}
    errors: dict[int, str] = {}
    for index, file in enumerate(files):
        if file.error:
            errors[index] = file.error
            continue
        try:
            pixels = decode(file.data).pixels
            images[index] = fit(pixels, task.shape, scoring.fitting, task.background, scoring.invert)
        except InputError as error:
            errors[index] = str(error)
    return images, errors


def rows_of(
    model: ZooModel,
    screen: Calibration,
    scoring: Scoring,
    files: Sequence[Incoming],
    images: Mapping[int, Tensor],
    errors: Mapping[int, str],
) -> list[Row]:
    """The rows of some files, in their order, of which `fitted` gave the images and errors."""
    problems = dict(errors)
    found: dict[int, Scores] = {}
    try:
        found = dict(zip(images, _scored(model, screen, scoring, list(images.values())), strict=True))
    except InputError:  # one of them has no score; the others have
        for index, image in images.items():
            try:
                (found[index],) = _scored(model, screen, scoring, [image])
            except InputError as error:
                problems[index] = str(error)
    rows: list[Row] = []
    for index, file in enumerate(files):
        digest = hashlib.sha256(file.data).hexdigest() if file.data else None
        head = {"path": _text(file.path), "sha256": digest, "model": model.card.key}
        if index in problems:
            rows.append({**head, "detector": None, "score": None, "p_value": None, "error": problems[index]})
            continue
        for key, (score, p_value) in found[index].items():
            rows.append({**head, "detector": key, "score": score, "p_value": p_value, "error": None})
    return rows


def _text(path: str) -> str:
    """A path that Parquet can hold: bytes that are no UTF-8 become escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _scored(model: ZooModel, screen: Calibration, scoring: Scoring, images: Sequence[Tensor]) -> list[Scores]:
    """Scores and p-values of each of some images (1, C, H, W)."""
    if not images:
        return []
    scores = screen.scores(screen.measure(model, torch.cat(list(images))))
    p_values = screen.p_values({key: scores[key] for key in scoring.detectors})
    return [
        {key: (float(scores[key][row]), float(p_values[key][row])) for key in scoring.detectors}
        for row in range(len(images))
    ]


class _Parts:
    """Finished rows in files of their own, until they are put together."""

    def __init__(self, out: Path, stated: str) -> None:
        """Use the folder `<out>.parts`; refuse it where it was made with other settings."""
        self.out = Path(os.path.abspath(out))
        self.folder = self.out.with_name(f"{out.name}.parts")
        self.scratch = self.out.with_name(f"{out.name}.part")
        self.stated = stated
        mark = self.folder / _SETTINGS
        try:
            before = mark.read_text(encoding="utf-8") if mark.exists() else None
        except (OSError, ValueError) as error:
            raise InputError(f"{mark} could not be read: {error}") from error
        if before is None:
            self._check_ours()
            self._clear()  # what a kill left of the clearing after a finished run
        elif before != stated:
            raise ConfigError(
                f"{self.folder} holds the beginning of a run with other settings: repeat that one, or remove the folder"
            )
        self.next = max((int(path.stem) for path in self._files()), default=-1) + 1

    def own(self, path: str) -> bool:
        """Whether a file is the table, the one it is written to first, or one of the parts."""
        here = os.path.abspath(path)
        return here in (str(self.out), str(self.scratch)) or here.startswith(f"{self.folder}{os.sep}")

    def done(self) -> set[str]:
        """The paths of the files that have rows."""
        return {path for part in self._read(["path"]) for path in part.column("path").to_pylist()}

    def write(self, rows: Sequence[Row]) -> None:
        """Keep rows as the next part; the first one makes the folder."""
        mark = self.folder / _SETTINGS
        if not mark.exists():
            write_atomically(mark, self.stated.encode())
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), sink)
        write_atomically(self.folder / f"{self.next:08d}.parquet", sink.getvalue().to_pybytes())
        self.next += 1

    def join(self, scoring: Scoring) -> Tally:
        """Put the table together, remove the parts, and count."""
        tally = Tally(flagged=dict.fromkeys(scoring.detectors, 0))
        try:
            with _writer(self.scratch, self.out.suffix) as writer:
                for part in self._read():
                    writer.write_table(_as_text(part) if isinstance(writer, CSVWriter) else part)
                    _count(part, scoring, tally)
            os.replace(self.scratch, self.out)
        except OSError as error:
            with suppress(OSError):
                self.scratch.unlink(missing_ok=True)
            raise InputError(f"{self.out} could not be written: {error.strerror or error}") from error
        self._clear()
        return tally

    def _check_ours(self) -> None:
        """Refuse a folder that is somebody's own: it would be removed at the end."""
        there = list(self.folder.iterdir()) if self.folder.is_dir() else []
        strangers = [path.name for path in there if not _PART.fullmatch(path.name)]
        if strangers or (self.folder.exists() and not self.folder.is_dir()):
            raise ConfigError(
                f"{self.folder} is needed for what is scored so far, and is not a folder of such parts: move it, or "
                "name another table"
            )

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def _read(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        for path in self._files():
            try:
                with pq.ParquetFile(path) as part:
                    yield part.read(columns)
            except (OSError, pa.ArrowException) as error:
                raise InputError(f"{path} is damaged: remove it, and its files are scored again") from error

    def _clear(self) -> None:
        """Remove the parts; if a kill comes between, the same call scores again what is gone, or all."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _writer(path: Path, suffix: str) -> pq.ParquetWriter | CSVWriter:
    """What writes tables of the schema: as CSV if the table is called so, else as Parquet."""
    return CSVWriter(path, SCHEMA) if suffix.lower() == ".csv" else pq.ParquetWriter(path, SCHEMA)


def _as_text(part: pa.Table) -> pa.Table:
    """The part with an apostrophe before what a spreadsheet would take for a formula: names come from anywhere."""
    for at, column in enumerate(SCHEMA):
        if column.type == pa.string():
            part = part.set_column(at, column, pc.replace_substring_regex(part.column(at), "^([=+@\t\r-])", r"'\1"))
    return part


def _count(part: pa.Table, scoring: Scoring, tally: Tally) -> None:
    """Add a part's rows to the tally."""
    names, p_values = part.column("detector").to_pylist(), part.column("p_value").to_numpy()
    tally.errors += names.count(None)
    tally.scored += names.count(scoring.detectors[0])
    for key in scoring.detectors:
        chosen = np.array([name == key for name in names], bool)
        tally.flagged[key] += int((p_values[chosen] <= scoring.alpha).sum())
