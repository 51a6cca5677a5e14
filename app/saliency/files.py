"""What the Saliency page gives to take away: the grid as PNG, arrays as NPZ, measures as CSV, and a report as HTML."""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.saliency.choice import SaliencyChoice
from app.saliency.colouring import explains, map_pixels, scales, strongest, why_empty
from app.saliency.results import Cell, Scores
from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.data_urls import bytes_url, data_url
from app.ui.downloads import latin_text, npz, sheet_png, table_csv
from app.ui.elements import two_figures
from app.ui.sheets import levels, wrapped
from core.data.tasks import task_named
from core.explanations.catalogue import ATTRIBUTION_METHODS
from core.metrics.box import Box
from core.saliency.grid import SaliencyMap
from core.saliency.measures.catalogue import SALIENCY_MEASURES

CELL, GAP, HEAD, SIDE, FOOT = 448, 24, 110, 460, 110  # whole squares for sides of 28, 32 and 64
INK, FAINT, PAPER = "#14273D", "#EDF1F3", "#FFFFFF"


def grid_png(
    found: Mapping[Cell, SaliencyMap],
    models: Sequence[str],
    part: SaliencyChoice,
    title: str,
    box: Box | None = None,
) -> bytes:
    """The grid as it is shown, as a picture of 300 dpi: first the picture itself, then each map in sharp squares.

    The region pointed at is outlined on all of them.
    """
    one = next(iter(found.values()))
    task, full = task_named(one.task), scales(found, part.scale)
    flip = part.rows == "networks"
    rows, columns = (models, part.methods) if flip else (part.methods, models)
    width = SIDE + len(columns) * (CELL + GAP) + GAP
    sheet = Image.new("RGB", (width, HEAD + len(rows) * (CELL + GAP) + FOOT + CELL + GAP), PAPER)
    draw, large, small = ImageDraw.Draw(sheet), ImageFont.load_default(34), ImageFont.load_default(24)
    sheet.paste(_squares(levels(one.x), box), (GAP, GAP))
    draw.multiline_text((GAP * 2 + CELL, GAP), latin_text(title), INK, large, spacing=10)
    top = CELL + 2 * GAP
    for column, key in enumerate(columns):
        left = SIDE + column * (CELL + GAP)
        _head(draw, key, (left, top), CELL, found, small)
    for row, key in enumerate(rows):
        at = top + HEAD + row * (CELL + GAP)
        _head(draw, key, (GAP, at), SIDE - 2 * GAP, found, small)
        for column, across in enumerate(columns):
            cell = (key, across) if flip else (across, key)
            left = SIDE + column * (CELL + GAP)
            shown = found.get(cell)
            problem = why_empty(shown) if shown else "This map was not made yet."
            if shown is None or problem:
                draw.rectangle((left, at, left + CELL, at + CELL), FAINT)
                draw.multiline_text(
                    (left + 12, at + 12), "\n".join(wrapped(latin_text(problem), small, CELL - 24)), INK, small
                )
            else:
                sheet.paste(_squares(map_pixels(shown, full[cell], part.colours, part.over), box), (left, at))
    note = f"{task.title}. Full colour: {_SAID[part.scale]}; shade by the square root of the value."
    draw.text((GAP, sheet.height - FOOT + 30), latin_text(note), INK, small)
    return sheet_png(sheet)


_SAID = {
    "method": "the largest magnitude among a method's maps",
    "all": "the largest magnitude of all maps",
    "own": "each map's own largest magnitude",
}


def _head(
    draw: ImageDraw.ImageDraw,
    key: str,
    at: tuple[int, int],
    width: int,
    found: Mapping[Cell, SaliencyMap],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    left, top = at
    if key in ATTRIBUTION_METHODS:
        words = ATTRIBUTION_METHODS[key].title
    else:
        draw.rectangle((left, top, left + width, top + 9), fill=model_colour(key))
        said = next((explains(one, task_named(one.task).class_names) for one in found.values() if one.model == key), "")
        words = model_name(key) + (f": why {said}" if said else "")
    draw.multiline_text((left, top + 16), "\n".join(wrapped(latin_text(words), font, width)), INK, font, spacing=6)


def _squares(pixels: NDArray[np.uint8], box: Box | None) -> Image.Image:
    made = Image.fromarray(pixels).resize((CELL, CELL), Image.Resampling.NEAREST)
    if box is not None:
        across, down = CELL / pixels.shape[1], CELL / pixels.shape[0]
        right, bottom = (box.left + box.width) * across - 1, (box.top + box.height) * down - 1
        draw = ImageDraw.Draw(made)
        for colour, width in ((INK, 6), (PAPER, 2)):
            draw.rectangle((box.left * across, box.top * down, right, bottom), outline=colour, width=width)
    return made


def grid_npz(found: Mapping[Cell, SaliencyMap], models: Sequence[str], methods: Sequence[str]) -> bytes:
    """`x`, `attributions__<model>__<method>` (C, H, W) of each map; in the settings, why others are not there."""
    one = next(iter(found.values()))
    there = {cell: made for cell, made in found.items() if not made.problem}
    arrays = {f"attributions__{model}__{method}": made.attributions for (model, method), made in there.items()}
    targets = {model: list(made.target) for (model, _), made in there.items()}
    precisions = {method: one.settings["precision"] for (_, method), one in found.items()}
    problems = {"__".join(cell): made.problem for cell, made in found.items() if made.problem}
    settings = {
        "task": one.task,
        "class_names": list(task_named(one.task).class_names),
        "models": list(models),
        "methods": list(methods),
        "targets": targets,
        "problems": problems,
        **one.settings,
        "precision": precisions,
    }
    return npz(arrays | {"x": one.x}, settings)


def measures_csv(found: Mapping[Cell, SaliencyMap], scores: Scores) -> bytes:
    """A line for each map and measure: model, method, measure, value, better, problem."""
    rows: list[tuple[object, ...]] = []
    for (model, method), one in found.items():
        names = (model, method, explains(one, task_named(one.task).class_names))
        rows.append((*names, "strongest", strongest(one), "neither", one.problem))
        for (cell, measure), value in scores.items():
            if cell == (model, method):
                figure = value if isinstance(value, float) and isfinite(value) else ""
                problem = value if isinstance(value, str) else ""
                rows.append((*names, measure, figure, SALIENCY_MEASURES[measure].better, problem))
    return table_csv(("model", "method", "explains", "measure", "value", "better", "problem"), rows)


def report_html(
    found: Mapping[Cell, SaliencyMap],
    models: Sequence[str],
    part: SaliencyChoice,
    scores: Scores,
    title: str,
    link: str,
) -> bytes:
    """The view as one HTML file that needs nothing else: picture, grid, measures, sources and settings."""
    one = next(iter(found.values()))
    task, full = task_named(one.task), scales(found, part.scale)
    heads = "".join(
        f'<th style="border-top: 6px solid {model_colour(key)}">{escape(model_name(key))}<br><small>{escape(key)}'
        "</small></th>"
        for key in models
    )
    body = ""
    for method in part.methods:
        cells = ""
        for model in models:
            made = found.get((model, method))
            problem = why_empty(made) if made else "This map was not made yet."
            if made is None or problem:
                cells += f"<td><p>{escape(problem)}</p></td>"
                continue
            url = bytes_url(map_pixels(made, full[model, method], part.colours, part.over))
            why = escape(explains(made, task.class_names))
            cells += f'<td><img src="{url}" alt="{escape(method)}"><small>why {why}; max {two_figures(strongest(made))}'
            cells += "</small></td>"
        head = ATTRIBUTION_METHODS[method]
        body += f"<tr><th>{escape(head.title)}<br><small>{escape(head.source)}</small></th>{cells}</tr>"
    measured = list(dict.fromkeys(measure for _, measure in scores))
    lines = "".join(
        f"<tr><td>{escape(ATTRIBUTION_METHODS[method].title)}</td><td>{escape(model_name(model))}</td>"
        + "".join(f"<td>{_figure(scores.get(((model, method), measure)))}</td>" for measure in measured)
        + "</tr>"
        for model, method in found
    )
    names = "".join(
        f"<th>{escape(SALIENCY_MEASURES[key].title)}<br><small>{SALIENCY_MEASURES[key].better}</small></th>"
        for key in measured
    )
    table = (
        f"<h2>Measures</h2><table><tr><th>Method</th><th>Network</th>{names}</tr>{lines}</table>" if measured else ""
    )
    said = "".join(
        f"<dt>{escape(SALIENCY_MEASURES[key].title)}</dt><dd>{escape(SALIENCY_MEASURES[key].sentence)}</dd>"
        for key in measured
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_CSS}</style>'
        f'<h1>{escape(title)}</h1><p><img src="{data_url(one.x)}" alt="The picture"></p><p>{escape(task.title)}; '
        f"full colour: {_SAID[part.scale]}; shade by the square root of the value; seed {one.settings['seed']}. "
        f"View: {escape(link)}</p><table><tr><th></th>{heads}</tr>{body}</table>{table}<dl>{said}</dl></html>"
    )
    return page.encode()


def _figure(value: float | str | None) -> str:
    return f"{value:.3f}" if isinstance(value, float) and isfinite(value) else "–"


_CSS = (
    "body{font-family:system-ui,sans-serif;color:#14273D;margin:2rem;max-width:90rem}"
    "img{image-rendering:pixelated;width:10rem;display:block}table{border-collapse:collapse;margin:1rem 0}"
    "th,td{padding:.4rem .6rem;text-align:left;vertical-align:top}small{font-weight:400;opacity:.8;display:block}"
    "td p{width:10rem;margin:0}dt{font-weight:600;margin-top:.5rem}dd{margin:0}"
)
