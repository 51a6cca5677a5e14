"""Pictures of a page's own HTML, with files of what they show: as a sheet, their captions, and their pixels."""

import base64
import re
from collections.abc import Callable, Sequence
from functools import partial
from html.parser import HTMLParser

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from app.ui.downloads import downloads, npz, table_csv
from app.ui.sheets import Cell, SheetRow, picture_sheet, png_pixels

Make = Callable[[], bytes]
HEADS = {"rs-name", "rs-map-head", "rs-of-tiles"}  # what begins a row
_COLOUR = re.compile(r"(?:--rs-colour|color): *(#[0-9A-Fa-f]{6})")


class _Tiles(HTMLParser):
    """The pictures of a text in rows: a network's name begins one, and what stands in a picture's figure is its words.

    A box of class `rs-map-none`, which stands in place of a picture, is an empty one with its words.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, str, list[tuple[str, list[str]]]]] = [("", "", [])]  # title, colour, pictures
        self._colour = ""
        self._names = False  # whether what comes next is a row's title
        self._words: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = set(given.get("class", "").split())
        if found := _COLOUR.search(given.get("style", "")):
            self._colour = found[1]
        self._names = self._names or bool(classes & HEADS)
        if tag == "img" or "rs-map-none" in classes:
            self._words = []
            self.rows[-1][2].append((given.get("src", ""), self._words))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("figure", "div"):
            self._words = None

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if words and self._names:
            self.rows.append((words, self._colour, []))
            self._names = False
        elif words and self._words is not None:
            self._words.append(words)


def html_pictures(html: str) -> list[SheetRow]:
    """The pictures of a text as they are sent, one pixel a value, row by row under the name that stands before them."""
    found = _Tiles()
    found.feed(html)
    return [
        SheetRow(title, colour, [Cell(url_pixels(url), "\n".join(words)) for url, words in pictures])
        for title, colour, pictures in found.rows
        if pictures
    ]


def url_pixels(url: str) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) of a PNG data URL; a grey one where there is none."""
    if not url:
        return np.full((1, 1, 3), 237, np.uint8)
    return png_pixels(base64.b64decode(url.split(",", 1)[1]))


def rows_csv(rows: Sequence[SheetRow]) -> bytes:
    """A line a picture: its row, its place there, and its words."""
    return table_csv(
        ("row", "number", "words"),
        (
            (row.title, number, cell.words.replace("\n", "; "))
            for row in rows
            for number, cell in enumerate(row.cells, 1)
        ),
    )


def rows_npz(rows: Sequence[SheetRow]) -> bytes:
    """The pixels (H, W, 3) of each picture as `<row>_<number>`, counted from 1; titles and words in the settings."""
    arrays = {
        f"{place}_{number}": cell.pixels
        for place, row in enumerate(rows, 1)
        for number, cell in enumerate(row.cells, 1)
    }
    return npz(arrays, {"rows": [row.title for row in rows], "words": [[one.words for one in r.cells] for r in rows]})


def offer(name: str, rows: Callable[[], Sequence[SheetRow]], note: str = "", arrays: Make | None = None) -> None:
    """The files of rows of pictures: see `show`."""
    downloads(
        name,
        ("PNG", "png", lambda: picture_sheet(rows(), note)),
        ("CSV", "csv", lambda: rows_csv(rows())),
        ("NPZ", "npz", arrays or (lambda: rows_npz(rows()))),
        quiet=True,
    )


def show(html: str, name: str, note: str = "", arrays: Make | None = None, place: DeltaGenerator | None = None) -> None:
    """Pictures, and buttons that give them as a sheet, their words as CSV, and their pixels as NPZ.

    Args:
        html: with at least one picture as a PNG data URL.
        name: of the files, which no other on the page has.
        note: what stands below the sheet.
        arrays: what makes a better NPZ than the pixels that are shown, where there is one.
        place: an empty place that the pictures fill; None draws them here.
    """
    (place or st).html(html)
    offer(name, partial(html_pictures, html), note, arrays)
