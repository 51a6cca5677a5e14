"""What the Latent page gives to take away: NPZ files with settings, and the film strips as a captioned PNG."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.latent import results
from app.latent.choice import AXES
from app.latent.position import ResolvedPosition
from app.latent.search import LatentFoolingResult
from app.latent.search_films import headline
from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.downloads import CELL, GAP, HEAD, INK, PAPER, cell_picture, latin_text, npz, sheet_png
from core.data.tasks import Task
from core.latent.strips import DecodedRow

LINE = 30  # pixels of a caption


def explorer_npz(position: ResolvedPosition) -> bytes:
    """The picture and code at a position, what the networks say, and all ribbons.

    `z`, `x` and `probs` (M, K) there, `z_start` and `x_start` with sliders at rest; `positions__<slider>` (P,),
    `probs__<slider>` (M, P, K) and `x__<slider>` (P, C, H, W) along each.
    """
    here, start = results.row_at(position), results.row_at(position.at_rest())
    arrays: dict[str, NDArray[Any]] = {
        "z": here.z[0], "x": here.x[0], "probs": here.probs[:, 0], "z_start": start.z[0], "x_start": start.x[0],
    }  # fmt: skip
    for which, axis in enumerate(AXES):
        strip = results.slider_row(position, which)
        arrays |= {f"positions__{axis}": strip.positions, f"probs__{axis}": strip.probs, f"x__{axis}": strip.x}
    return npz(arrays, asdict(position.place) | {"sliders": list(AXES), "models": list(position.models)})


def row_npz(strip: DecodedRow, models: Sequence[str]) -> bytes:
    """Pictures `x` (P, C, H, W), codes `z` (P, n), `labels`, `positions` and distances, `probs` (M, P, K)."""
    names = ("x", "z", "labels", "positions", "latent", "image", "probs")
    return npz({name: getattr(strip, name) for name in names}, {"models": list(models)})


def fooled_npz(found: Sequence[LatentFoolingResult]) -> bytes:
    """All arrays of the searches by name, `__` and the model's key after each, with the settings."""
    names = ("z_decayed", "z_adv", "x_decayed", "x_adv", "path", "path_margin")
    arrays: dict[str, NDArray[Any]] = {
        f"{name}__{one.model}": getattr(one.found, name) for one in found for name in names
    }
    for one in found:
        arrays |= {f"film__{one.model}": one.film.x, f"probs_film__{one.model}": one.film.probs}
    figures = ("labels", "norm", "outward", "l2", "l1", "found")
    models = {one.model: {name: getattr(one.found, name)[0].item() for name in figures} for one in found}
    first = found[0]
    return npz(arrays | {"z": first.found.z}, {**first.found.settings, "label": first.label, "models": models})


def films_png(task: Task, found: Sequence[LatentFoolingResult]) -> bytes:
    """The film strips as one picture: a row a network, each frame captioned with its answer."""
    frames = max(len(one.film.x) for one in found)
    row = HEAD + CELL + LINE + 2 * GAP
    sheet = Image.new("RGB", (frames * (CELL + GAP) + GAP, len(found) * row + HEAD), PAPER)
    draw = ImageDraw.Draw(sheet)
    small, large = ImageFont.load_default(15), ImageFont.load_default(20)
    for number, one in enumerate(found):
        top = number * row + GAP
        draw.rectangle((GAP, top, sheet.width - GAP, top + 5), fill=model_colour(one.model))
        title, verdict = headline(task, one)
        size = f"{float(one.found.norm[0]):.3f} in latent space, RMSE {float(one.found.l2[0]):.3f}"
        words = f"{model_name(one.model)}: {title} ({verdict}), {size}"
        draw.text((GAP, top + 9), latin_text(words), INK, large)
        for index, (x, answer) in enumerate(zip(one.film.x, one.answers, strict=True)):
            left = GAP + index * (CELL + GAP)
            sheet.paste(cell_picture(x), (left, top + HEAD))
            share = float(one.film.probs[one.number, index, answer])
            caption = latin_text(f"{task.class_names[answer]} {share:.0%}")
            draw.text((left, top + HEAD + CELL + 3), caption, INK, small)
    note = (
        f"{task.title}; drawn as {task.class_names[found[0].label]}. Search: Buzhinsky et al. 2020, arXiv:2003.01993."
    )
    draw.text((GAP, sheet.height - HEAD + 10), latin_text(note), INK, small)
    return sheet_png(sheet)
