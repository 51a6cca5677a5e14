"""Tables of a page's own HTML, with what they say as CSV."""

from functools import partial
from html.parser import HTMLParser

import streamlit as st

from app.ui.downloads import downloads, table_csv


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


def html_csv(html: str) -> bytes:
    """The tables of a text as CSV, below each other, with the words that stand in their cells."""
    cells = _Cells()
    cells.feed(html)
    head, *rows = ([" ".join(cell.split()) for cell in row] for row in cells.rows)
    return table_csv(head, rows)


def show(html: str, name: str) -> None:
    """Tables, and a button that gives them as CSV.

    Args:
        html: with at least one table.
        name: of the file, which no other on the page has.
    """
    st.html(html)
    downloads(name, ("Table as CSV", "csv", partial(html_csv, html)), quiet=True)
