"""The verdict on a claim of a paper, in words, and the files of what it rests on."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from app.ui import tables
from app.ui.downloads import npz, table_csv

Rows = Sequence[Mapping[str, Any]]

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "yes": ("✓", "rs-held", "came out so"),
    "no": ("✗", "rs-failed", "came out the other way"),
    "undecided": ("?", "rs-open", "too close to tell"),
    "part": ("~", "rs-open", "holds in part"),
    "against": ("~", "rs-failed", "came out the other way in part"),
}


def verdict(rows: Rows) -> str:
    """Key of `VERDICTS` for the rows of one claim."""
    held = {str(row.get("holds")) for row in rows}
    if len(held) == 1 and held <= VERDICTS.keys():
        return held.pop()
    return "part" if "yes" in held else "against" if "no" in held else "undecided"


def offer(name: str, words: Sequence[Sequence[str]], rows: Rows) -> None:
    """The files of a list of claims: its words as PNG, a head first; its rows as CSV and NPZ."""
    tables.offer(name, lambda: words, partial(rows_csv, rows), partial(rows_npz, rows))


def columns_of(rows: Rows) -> list[str]:
    """The names of all values that a report's rows have, in their order."""
    return list(dict.fromkeys(name for row in rows for name in row))


def rows_csv(rows: Rows) -> bytes:
    """A report's rows, each value under its name; empty where a row lacks it."""
    names = columns_of(rows)
    return table_csv(names, ([row.get(name, "") for name in names] for row in rows))


def rows_npz(rows: Rows) -> bytes:
    """An array (N,) for each name of a report's rows: numbers, NaN where a row lacks one; else text."""
    return npz({name: _column([row.get(name) for row in rows]) for name in columns_of(rows)}, {})


def _column(values: Sequence[Any]) -> np.ndarray:
    if all(value is None or isinstance(value, int | float) for value in values):
        return np.array([np.nan if value is None else value for value in values], np.float64)
    return np.array(["" if value is None else str(value) for value in values])
