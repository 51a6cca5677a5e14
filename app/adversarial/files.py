"""What the Adversarial page gives to take away: a captioned PNG of the grid, and NPZ files with settings."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.downloads import CAPTION, CELL, GAP, HEAD, INK, PAPER, cell_picture, latin_text, npz, sheet_png
from core.data.tasks import task_named
from core.explanations.attack_path import Path
from core.explanations.class_explanations import Explanations


def explanations_npz(found: Sequence[Explanations]) -> bytes:
    """All arrays of the grid: `x`, and for each model `classes`, `x_adv`, `delta`, `x_away` and the probabilities."""
    names = ("classes", "x_adv", "delta", "x_away", "probs", "probs_adv", "probs_shown", "probs_away")
    arrays = {f"{name}__{one.model}": getattr(one, name) for one in found for name in names}
    return npz(arrays | {"x": found[0].x}, _settings(found))


def paths_npz(found: Sequence[Path]) -> bytes:
    """All arrays of the player: `x`, and for each model `frames`, `loss`, `rmse` and `probs`."""
    names = ("frames", "loss", "rmse", "probs")
    arrays = {f"{name}__{one.model}": getattr(one, name) for one in found for name in names}
    targets = {one.model: one.target for one in found}
    return npz(arrays | {"x": found[0].x}, _settings(found) | {"targets": targets, "away": found[0].away})


def _settings(found: Sequence[Explanations] | Sequence[Path]) -> dict[str, object]:
    classes = list(task_named(found[0].task).class_names)
    models = [one.model for one in found]
    return {"task": found[0].task, "class_names": classes, "models": models, **found[0].settings}


def grid_png(found: Sequence[Explanations], verdicts: Sequence[str]) -> bytes:
    """The grid as one picture: a row a model, first the original, then each class, captioned with probabilities."""
    task = task_named(found[0].task)
    columns, row = max(len(one.classes) for one in found) + 1, HEAD + CELL + CAPTION + 2 * GAP
    sheet = Image.new("RGB", (columns * (CELL + GAP) + GAP, len(found) * row + HEAD), PAPER)
    draw = ImageDraw.Draw(sheet)
    small, large = ImageFont.load_default(15), ImageFont.load_default(20)
    for number, (one, verdict) in enumerate(zip(found, verdicts, strict=True)):
        top = number * row + GAP
        draw.rectangle((GAP, top, sheet.width - GAP, top + 5), fill=model_colour(one.model))
        title = latin_text(" - ".join(filter(None, [model_name(one.model), verdict])))
        draw.text((GAP, top + 9), title, INK, large)
        answer = f"{task.class_names[one.predicted]}\n{one.probs[one.predicted]:.1%} original"
        cells = [(one.x, answer)]
        for place, index in enumerate(one.classes):
            shares = f"{one.probs[index]:.1%} to {one.probs_shown[place, index]:.1%}"
            cells.append((one.x_adv[place], f"{task.class_names[index]}\n{shares}"))
        for column, (x, words) in enumerate(cells):
            left = GAP + column * (CELL + GAP)
            sheet.paste(cell_picture(x), (left, top + HEAD))
            draw.multiline_text((left, top + HEAD + CELL + 3), latin_text(words), INK, small, spacing=2)
    note = (
        f"{task.title}; RMSE budget {one.settings['rho']:g}; class, and its probability on the original to that on the "
        "picture shown. Woods, Chen, Teuscher 2019, arXiv:1906.02896."
    )
    draw.text((GAP, sheet.height - HEAD + 10), note, INK, small)
    return sheet_png(sheet)
