"""Scores of many pictures at once for several networks, each picture read once, as a table in memory."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.csv
import torch
from numpy.typing import NDArray

from core.anomaly.batch_file import Scoring, counting, fit_files, rows_of
from core.anomaly.batch_parts import SCHEMA, Row, spreadsheet_safe
from core.anomaly.calibration import Calibration, check_detectors
from core.data.incoming import Incoming
from core.errors import ConfigError
from core.models.zoo import ZooModel


@dataclass(frozen=True, slots=True, eq=False)
class ManyScores:
    """What came out for files, in their order.

    Attributes:
        models: keys of the networks.
        table: with the columns of `core.anomaly.batch_file`; all rows of the first network, then of the next.
        paths: of each file.
        scores: by network and detector (n,), NaN where a file could not be scored.
        p_values: likewise.
        errors: of each file why not, "" where it could.
        pictures: of each file what the networks got, uint8 (C, H, W); None where it could not be read.
        answers: by network the class predicted for each file, -1 where it could not be read.
        probabilities: by network the softmax probability of that class (n,), NaN where it could not be read.
        notes: of each file what decoding changed, in sentences.
        left: whether there were more files than `most`, which were not read.
    """

    models: tuple[str, ...]
    table: pa.Table
    paths: tuple[str, ...]
    scores: Mapping[str, Mapping[str, NDArray[np.float64]]]
    p_values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    errors: tuple[str, ...]
    pictures: tuple[NDArray[np.uint8] | None, ...]
    answers: Mapping[str, NDArray[np.int64]]
    probabilities: Mapping[str, NDArray[np.float64]]
    notes: tuple[str, ...]
    left: bool


def score_many(
    models: Sequence[tuple[ZooModel, Calibration]],
    files: Iterable[Incoming],
    scoring: Scoring,
    most: int,
    on_progress: Callable[[int], None] = lambda done: None,
) -> ManyScores:
    """Scores of at most `most` files by each network.

    A batch of files is in memory at a time; what is kept of each is its scores and the small picture that networks get.

    Args:
        models: networks of one task, each with its detectors.
        files: as `core.data.incoming` gives them.
        scoring: detectors, fitting and batch.
        most: files that are read.
        on_progress: called after every file with the number of files read; what it raises ends the work.

    Raises:
        ConfigError: no networks, networks of several tasks, or an unknown detector.
    """
    tasks = {model.card.task for model, _ in models}
    if len(tasks) != 1:
        raise ConfigError(f"need networks of one task; got {', '.join(sorted(tasks)) or 'none'}")
    for _, screen in models:
        check_detectors(screen, scoring.detectors)
    task, source = models[0][0].task, iter(files)
    rows: dict[str, list[Row]] = {model.card.key: [] for model, _ in models}
    answers: dict[str, list[NDArray[np.int64]]] = {key: [] for key in rows}
    probabilities: dict[str, list[NDArray[np.float64]]] = {key: [] for key in rows}
    paths: list[str] = []
    notes: list[str] = []
    pictures: list[NDArray[np.uint8] | None] = []
    while batch := list(islice(source, min(scoring.batch, most - len(paths)))):
        noted: dict[int, tuple[str, ...]] = {}
        images, errors = fit_files(task, scoring, batch, counting(on_progress, len(paths)), noted.__setitem__)
        for model, screen in models:
            rows[model.card.key] += rows_of(model, screen, scoring, batch, images, errors)
            answers[model.card.key].append(np.full(len(batch), -1))
            probabilities[model.card.key].append(np.full(len(batch), np.nan))
            if images:
                with torch.no_grad():
                    logits = model.fast(torch.cat(list(images.values())).to(model.device))
                answers[model.card.key][-1][list(images)] = logits.argmax(1).cpu().numpy()
                probabilities[model.card.key][-1][list(images)] = logits.softmax(1).amax(1).cpu().numpy()
        for index, file in enumerate(batch):
            paths.append(file.path)
            notes.append(" ".join(noted.get(index, ())))
            levels = (images[index][0] * 255).round().to(torch.uint8).cpu().numpy() if index in images else None
            pictures.append(levels)
    by_file = {key: rows_by_file(each, len(scoring.detectors)) for key, each in rows.items()}
    return ManyScores(
        tuple(rows),
        pa.Table.from_pylist([row for each in rows.values() for row in each], SCHEMA),
        tuple(paths),
        {key: _figures(each, scoring.detectors, "score") for key, each in by_file.items()},
        {key: _figures(each, scoring.detectors, "p_value") for key, each in by_file.items()},
        tuple(
            next((each[at][0]["error"] for each in by_file.values() if each[at][0]["error"]), "")
            for at in range(len(paths))
        ),
        tuple(pictures),
        {key: np.concatenate(each) if each else np.zeros(0, np.int64) for key, each in answers.items()},
        {key: np.concatenate(each) if each else np.zeros(0) for key, each in probabilities.items()},
        tuple(notes),
        next(source, None) is not None,
    )


def to_csv(table: pa.Table) -> bytes:
    """The rows as CSV; text that a spreadsheet would take for a formula is quoted, see `core.text.csv_cell`."""
    out = io.BytesIO()
    pyarrow.csv.write_csv(spreadsheet_safe(table), out)
    return out.getvalue()


def rows_by_file(rows: Sequence[Row], detectors: int) -> list[Sequence[Row]]:
    """The rows of each file: one with an error, or one for each detector."""
    found: list[Sequence[Row]] = []
    start = 0
    while start < len(rows):
        stop = start + (detectors if rows[start]["error"] is None else 1)
        found.append(rows[start:stop])
        start = stop
    return found


def _figures(by_file: Sequence[Sequence[Row]], detectors: Sequence[str], column: str) -> dict[str, NDArray[np.float64]]:
    """By detector a column's figure of each file (n,), NaN where there is none."""
    found = {key: np.full(len(by_file), np.nan) for key in detectors}
    for at, rows in enumerate(by_file):
        for row in rows:
            if row["error"] is None:
                found[row["detector"]][at] = row[column]
    return found
