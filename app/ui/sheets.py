"""Sheets to print: rows of captioned pictures, and tables, as PNG of 300 dpi."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.ui.downloads import CELL, GAP, HEAD, INK, PAPER, latin_text, sheet_png

Pixels = NDArray[np.uint8]
LARGEST = 256  # pixels of a side up to which a picture is not made smaller
LINE, PAD, WIDEST = 19, 8, 340  # pixels: a line of small text, around a table's cell, of its column
FRAMES = 7  # of a film on a sheet


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture (H, W, 3) with what is said of it; a line break parts lines."""

    pixels: Pixels
    words: str = ""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of pictures under its title, with a bar in `colour`, "#rrggbb"; without one where that is ""."""

    title: str
    colour: str
    cells: Sequence[Cell]


def levels(x: NDArray[np.floating]) -> Pixels:
    """The pixels (H, W, 3) of an image (C, H, W), cut to [0, 1]."""
    rounded = np.rint(np.asarray(x, np.float64).clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(np.broadcast_to(rounded, (*rounded.shape[:2], 3)))


def png_pixels(png: bytes) -> Pixels:
    """The pixels (H, W, 3) of a PNG that a page made."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return np.asarray(picture.convert("RGB"))


def few_steps(count: int) -> list[int]:
    """Of so many steps the first, the last, and some evenly between."""
    return sorted({round(index * (count - 1) / (FRAMES - 1)) for index in range(FRAMES)}) if count else []


def wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """Text in lines that fit a width, as far as its words do."""
    lines = []
    for given in text.split("\n"):
        lines.append("")
        for word in given.split():
            longer = f"{lines[-1]} {word}".strip()
            if font.getlength(longer) <= width or not lines[-1]:
                lines[-1] = longer
            else:
                lines.append(word)
    return lines


def picture_sheet(rows: Sequence[SheetRow], note: str = "") -> bytes:
    """Rows of pictures in sharp squares, each above its words, with a note below all; 300 dpi."""
    small, large = ImageFont.load_default(15), ImageFont.load_default(20)
    across = max(max(cell.pixels.shape[:2]) for row in rows for cell in row.cells)
    side = min(LARGEST, max(CELL, across))
    said = [[wrapped(latin_text(cell.words), small, side) for cell in row.cells] for row in rows]
    heights = [HEAD + side + LINE * max(map(len, words), default=0) + 2 * GAP for words in said]
    width = max(len(row.cells) for row in rows) * (side + GAP) + GAP
    notes = wrapped(latin_text(note), small, width - 2 * GAP) if note else []
    sheet = Image.new("RGB", (width, sum(heights) + len(notes) * LINE + GAP), PAPER)
    draw, top = ImageDraw.Draw(sheet), 0
    for row, words, height in zip(rows, said, heights, strict=True):
        if row.colour:
            draw.rectangle((GAP, top + GAP, width - GAP, top + GAP + 5), fill=row.colour)
        draw.text((GAP, top + GAP + 9), latin_text(row.title), INK, large)
        for column, (cell, lines) in enumerate(zip(row.cells, words, strict=True)):
            left, at = GAP + column * (side + GAP), top + GAP + HEAD - 2
            sheet.paste(_squares(cell.pixels, side), (left, at))
            draw.multiline_text((left, at + side + 3), "\n".join(lines), INK, small, spacing=2)
        top += height
    draw.multiline_text((GAP, top), "\n".join(notes), INK, small, spacing=2)
    return sheet_png(sheet)


def _squares(pixels: Pixels, side: int) -> Image.Image:
    """A picture whose longer side is `side`, every pixel a sharp square."""
    height, width = (max(1, round(length * side / max(pixels.shape[:2]))) for length in pixels.shape[:2])
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)


def table_png(rows: Sequence[Sequence[str]]) -> bytes:
    """A table as it reads, its first row as the head; 300 dpi."""
    font = ImageFont.load_default(18)
    count = max(map(len, rows))
    cells = [[wrapped(latin_text(cell), font, WIDEST) for cell in (*row, *[""] * (count - len(row)))] for row in rows]
    widths = [
        max(int(font.getlength(line)) for row in cells for line in row[column]) + 2 * PAD for column in range(count)
    ]
    heights = [max(map(len, row)) * (LINE + 3) + 2 * PAD for row in cells]
    sheet = Image.new("RGB", (sum(widths) + 2 * GAP, sum(heights) + 2 * GAP), PAPER)
    draw, top = ImageDraw.Draw(sheet), GAP
    for number, (row, height) in enumerate(zip(cells, heights, strict=True)):
        left = GAP
        for lines, width in zip(row, widths, strict=True):
            draw.multiline_text((left + PAD, top + PAD), "\n".join(lines), INK, font, spacing=4)
            left += width
        top += height
        draw.line((GAP, top, sheet.width - GAP, top), INK, 1 if number else 2)
    return sheet_png(sheet)
