"""Tables of a page's own HTML, with files of what they say."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from html.parser import HTMLParser

import numpy as np
import streamlit as st

from app.ui.downloads import downloads, npz, table_csv
from app.ui.sheets import table_png

Make = Callable[[], bytes]
_NUMBER = re.compile(r"[+\-−]?\d[\d,]*(\.\d+)?(e[+\-]?\d+)?")


class _Cells(HTMLParser):
    """The cells of all tables of a text, row by row; a cell over several columns leaves the others empty.

    A head of class `rs-chart` above a table is a row of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._at: int | None = None  # the column that is written to

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "tr":
            self.rows.append([])
        elif tag == "div" and given.get("class") == "rs-chart":
            self.rows.append([""])
            self._at = 0
        elif tag in ("th", "td") and self.rows:
            self._at = len(self.rows[-1])
            self.rows[-1] += [""] * int(given.get("colspan") or 1)
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td", "div"):
            self._at = None

    def handle_data(self, data: str) -> None:
        if self._at is not None:
            self.rows[-1][self._at] += data


def html_rows(html: str) -> list[list[str]]:
    """The tables of a text, below each other: rows of the words that stand in their cells."""
    cells = _Cells()
    cells.feed(html)
    return [[" ".join(cell.split()) for cell in row] for row in cells.rows]


def rows_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """The words, a line a row."""
    return table_csv(rows[0], rows[1:])


def rows_npz(rows: Sequence[Sequence[str]]) -> bytes:
    """`cells` (rows, columns) as text, and `values`, the number that each begins with, NaN where there is none.

    A percentage is the number before its sign, as it reads.
    """
    width = max(map(len, rows))
    cells = np.array([[*row, *[""] * (width - len(row))] for row in rows], dtype=str)
    return npz({"cells": cells, "values": np.vectorize(_value, otypes=[np.float64])(cells)}, {})


def _value(cell: str) -> float:
    found = _NUMBER.match(cell)
    return float(found[0].replace(",", "").replace("−", "-")) if found else float("nan")


def offer(
    name: str, rows: Callable[[], Sequence[Sequence[str]]], csv: Make | None = None, arrays: Make | None = None
) -> None:
    """The files of a table: as it reads, its cells, and its numbers.

    Args:
        name: of the files, which no other on the page has.
        rows: what makes its words, the head first, once a file is asked for.
        csv: what makes a better CSV than its words, where there is one.
        arrays: what makes a better NPZ, likewise.
    """
    downloads(
        name,
        ("PNG", "png", lambda: table_png(rows())),
        ("CSV", "csv", csv or (lambda: rows_csv(rows()))),
        ("NPZ", "npz", arrays or (lambda: rows_npz(rows()))),
        quiet=True,
    )


def show(html: str, name: str, csv: Make | None = None, arrays: Make | None = None) -> None:
    """Tables, and their files: see `offer`; the HTML has at least one table."""
    st.html(html)
    offer(name, partial(html_rows, html), csv, arrays)
