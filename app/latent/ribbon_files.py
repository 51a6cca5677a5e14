"""The sliders' ribbons as files: drawn below the pictures as PNG, and a line a place as CSV."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.latent.slides import SliderRow
from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.downloads import GAP, INK, PAPER, latin_text, sheet_png, table_csv
from app.ui.elements import percent
from app.ui.sheets import Cell, SheetRow, levels, picture_sheet
from app.ui.slider_predictions import ClassColours, Strip, signed, spans
from core.data.tasks import Task

NAMES, LONG, BAND = 150, 900, 26  # pixels: the room for networks' names, a ribbon's length and height


def answered_cell(
    task: Task, models: Sequence[str], x: NDArray[np.float32], words: str, probs: NDArray[np.float32]
) -> Cell:
    """A picture (C, H, W) with its words and each network's answer by `probs` (M, K)."""
    answers = (
        f"{model_name(key)}: {task.class_names[row.argmax()]} {percent(float(row.max()))}"
        for key, row in zip(models, probs, strict=True)
    )
    return Cell(levels(x), "\n".join([words, *answers]))


def ribbons_png(
    task: Task, models: Sequence[str], pictures: Sequence[Cell], rows: Sequence[SliderRow], colours: ClassColours
) -> bytes:
    """The pictures in a row, and below them for each slider a ribbon a network, with the slider's place marked."""
    above = Image.open(io.BytesIO(picture_sheet([SheetRow(task.title, "", pictures)])))
    block = BAND * (len(models) + 1) + GAP
    width = max(above.width, NAMES + LONG + 3 * GAP)
    sheet = Image.new("RGB", (width, above.height + len(rows) * block + GAP), PAPER)
    sheet.paste(above, (0, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for number, row in enumerate(rows):
        top, (low, high) = above.height + number * block, (float(row.strip.positions[end]) for end in (0, -1))
        title = f"{row.title}: from {signed(low)} to {signed(high)}, at {signed(row.at)}"
        draw.text((GAP, top + 4), latin_text(title), INK, font)
        for place, key in enumerate(models):
            _ribbon(draw, task, row.strip, place, key, colours, top + BAND * (place + 1))
        at = GAP * 2 + NAMES + (row.at - low) / (high - low) * LONG
        draw.line((at, top + BAND - 2, at, top + BAND * (len(models) + 1)), INK, 3)
    return sheet_png(sheet)


def _ribbon(
    draw: ImageDraw.ImageDraw, task: Task, strip: Strip, place: int, key: str, colours: ClassColours, top: int
) -> None:
    """One network's answers along a slider, lettered where there is room."""
    font = ImageFont.load_default(15)
    draw.rectangle((GAP, top + 2, GAP + 8, top + BAND - 3), model_colour(key))
    draw.text((GAP + 14, top + 3), latin_text(model_name(key)), INK, font)
    for label, first, last in spans(strip, place):
        left, right = (GAP * 2 + NAMES + share * LONG for share in (first, last))
        draw.rectangle((left, top + 1, right, top + BAND - 2), colours[label])
        name = latin_text(task.class_names[label])
        if font.getlength(name) + 6 < right - left:
            draw.text((left + 3, top + 3), name, INK, font)


def ribbons_csv(task: Task, models: Sequence[str], rows: Sequence[SliderRow]) -> bytes:
    """A line for each slider, network and place along it: the answer there."""
    return table_csv(
        ("slider", "stands_at", "model", "position", "answer"),
        (
            (row.title, row.at, key, float(position), task.class_names[int(answer)])
            for row in rows
            for place, key in enumerate(models)
            for position, answer in zip(row.strip.positions, row.strip.predicted[place], strict=True)
        ),
    )
