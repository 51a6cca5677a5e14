"""Scores of any number of files in a table, in bounded memory; a run that was killed goes on where it was.

Finished rows go to parts beside the table, each written in one move; the table is put together from them at the end,
as CSV or Parquet. Columns: `path`, `sha256` of the file, `model`, `detector`, `score`, `p_value`, `error`. A file has a
row for each detector, or one row with the reason why there is no score: then `detector`, `score` and `p_value` are
null, and `sha256` where not even the bytes could be read.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from core.anomaly.batch_parts import MADE_BY, Row, TableParts
from core.anomaly.calibration import BATCH, Calibration, check_detectors
from core.data.incoming import Incoming, check_paths, incoming
from core.data.tasks import Task
from core.errors import ConfigError, InputError
from core.images import decode, fit
from core.models.zoo import ZooModel

_BATCH_BYTES = 100_000_000  # of files that wait to be scored

Fitting = Literal["crop", "letterbox"]
FITTINGS: tuple[Fitting, ...] = ("crop", "letterbox")
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
    and its parts are not taken for files to score. A refusal leaves nothing behind.

    Args:
        model: the network.
        screen: its detectors.
        paths: files, folders and ZIPs, see `core.data.incoming`.
        out: the table; CSV if it is called so, else Parquet.
        scoring: how.
        on_progress: called after every file that is read, with the number of files so far, those of an earlier run
            included; what it raises ends the work.

    Raises:
        ConfigError: a path does not exist, an unknown detector, `out` is a folder, parts of a run with other settings
            lie there, or a folder of that name that is not ours.
        InputError: parts are damaged, or the folder can't be written.
    """
    check_detectors(screen, scoring.detectors)
    check_paths(paths)
    parts = TableParts(out, _stated(model, screen, paths, scoring))
    done = parts.done()
    on_progress(len(done))
    batch: list[Incoming] = []

    def finish() -> None:
        if batch:
            parts.write(_rows(model, screen, scoring, batch, counting(on_progress, len(done) - len(batch))))
            batch.clear()

    for file in incoming(paths, done):
        path = path_text(file.path)
        if path in done or parts.own(file.path):
            continue
        done.add(path)
        batch.append(file)
        if len(batch) == scoring.batch or sum(len(each.data) for each in batch) > _BATCH_BYTES:
            finish()
    finish()
    tally = Tally(flagged=dict.fromkeys(scoring.detectors, 0))
    parts.join(lambda part: count_rows(part, scoring, tally))
    return tally


def counting(on_progress: Callable[[int], None], before: int) -> Callable[[int], None]:
    """Progress through a batch that has `before` files before it."""
    return lambda count: on_progress(before + count)


def _stated(model: ZooModel, screen: Calibration, paths: Sequence[Path], scoring: Scoring) -> str:
    """What must be the same for parts to belong together."""
    return json.dumps(
        {
            **MADE_BY,
            "task": model.card.task,
            "model": model.card.key,
            "sha256": model.card.sha256,
            "calibration": screen.digest,
            "detectors": list(scoring.detectors),
            "fitting": scoring.fitting,
            "invert": scoring.invert,
            "paths": [path_text(str(path)) for path in paths],
        },
        sort_keys=True,
    )


def _rows(
    model: ZooModel, screen: Calibration, scoring: Scoring, files: Sequence[Incoming], on_file: Callable[[int], None]
) -> list[Row]:
    """The rows of some files, in their order."""
    return rows_of(model, screen, scoring, files, *fit_files(model.task, scoring, files, on_file))


def fit_files(
    task: Task,
    scoring: Scoring,
    files: Sequence[Incoming],
    on_file: Callable[[int], None],
    on_notes: Callable[[int, tuple[str, ...]], None] = lambda place, notes: None,
) -> tuple[dict[int, Tensor], dict[int, str]]:
    """The files that are pictures, by their place in `files`, as images (1, C, H, W); and why the others are none.

    `on_file` is called before the first file and after each with the number of files read; what it raises ends this.
    `on_notes` is told by place what decoding changed in a picture.
    """
    images: dict[int, Tensor] = {}
    errors: dict[int, str] = {}
    on_file(0)
    for index, file in enumerate(files):
        try:
            if file.error:
                raise InputError(file.error)
            picture = decode(file.data)
            images[index] = fit(picture.pixels, task.shape, scoring.fitting, task.background, scoring.invert)
            on_notes(index, picture.notes)
        except InputError as error:
            errors[index] = str(error)
        on_file(index + 1)
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
        head = {"path": path_text(file.path), "sha256": digest, "model": model.card.key}
        if index in problems:
            rows.append({**head, "detector": None, "score": None, "p_value": None, "error": problems[index]})
            continue
        for key, (score, p_value) in found[index].items():
            rows.append({**head, "detector": key, "score": score, "p_value": p_value, "error": None})
    return rows


def path_text(path: str) -> str:
    """A path that Parquet can hold: bytes that are no UTF-8 become escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _scored(model: ZooModel, screen: Calibration, scoring: Scoring, images: Sequence[Tensor]) -> list[Scores]:
    """Scores and p-values of each of some images (1, C, H, W)."""
    if not images:
        return []
    scores = screen.scores(screen.measure(model, torch.cat(list(images)).to(model.device)))
    p_values = screen.p_values({key: scores[key] for key in scoring.detectors})
    return [
        {key: (float(scores[key][row]), float(p_values[key][row])) for key in scoring.detectors}
        for row in range(len(images))
    ]


def count_rows(part: pa.Table, scoring: Scoring, tally: Tally) -> None:
    """Add a part's rows to the tally."""
    names, p_values = part.column("detector").to_pylist(), part.column("p_value").to_numpy()
    tally.errors += names.count(None)
    tally.scored += names.count(scoring.detectors[0])
    for key in scoring.detectors:
        chosen = np.array([name == key for name in names], bool)
        tally.flagged[key] += int((p_values[chosen] <= scoring.alpha).sum())
