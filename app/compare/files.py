"""What the Compare page gives to take away: answers as CSV, all arrays as NPZ, pictures and changes as PNG."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from app.compare.choice import CompareChoice
from app.state.names import model_name
from app.ui import map_png
from app.ui.colours import model_colour
from app.ui.downloads import CAPTION, CELL, GAP, HEAD, INK, PAPER, cell_picture, latin_text, npz, sheet_png, table_csv
from app.ui.elements import percent, two_figures
from core.data.tasks import Task
from core.explanations.attack_result import AttackResult
from core.explanations.prediction import Prediction
from core.text import shorten


def answers_csv(task: Task, attacked: Sequence[AttackResult]) -> bytes:
    """A row for each network and class: its probability on the picture and under the attack."""
    return table_csv(
        ("model", "class", "probability", "probability_attacked", "answer", "answer_attacked"),
        (
            (one.model, name, one.probs[index], one.probs_adv[index], index == one.before, index == one.after)
            for one in attacked
            for index, name in enumerate(task.class_names)
        ),
    )


def arrays_npz(task: Task, looks: Sequence[Prediction], attacked: Sequence[AttackResult]) -> bytes:
    """`x`, and for each model `probs`, `attributions` where it has gradients, `x_adv`, `delta` and `probs_adv`."""
    arrays = {
        f"{name}__{one.model}": getattr(one, name) for one in attacked for name in ("x_adv", "delta", "probs_adv")
    }
    arrays |= {f"probs__{look.model}": look.probs for look in looks}
    arrays |= {f"attributions__{look.model}": look.attributions for look in looks if look.attributions is not None}
    settings = {"task": task.key, "class_names": list(task.class_names)}
    return npz(arrays | {"x": looks[0].x}, settings | {"models": {one.model: one.settings for one in attacked}})


def attack_png(task: Task, attacked: Sequence[AttackResult], radius: str) -> bytes:
    """A row a network: the picture, the attacked picture and the change, amplified alike for all; 300 dpi."""
    factor, row = map_png.amplification([one.delta for one in attacked]), HEAD + CELL + CAPTION + GAP
    sheet = Image.new("RGB", (3 * (CELL + GAP) + GAP + CELL, len(attacked) * row + HEAD), PAPER)
    draw, small, large = ImageDraw.Draw(sheet), ImageFont.load_default(15), ImageFont.load_default(20)
    for number, one in enumerate(attacked):
        top = number * row + GAP
        draw.rectangle((GAP, top, sheet.width - GAP, top + 5), fill=model_colour(one.model))
        draw.text((GAP, top + 9), latin_text(model_name(one.model)), INK, large)
        cells = (
            (one.x, f"{task.class_names[one.before]}\n{one.probs[one.before]:.1%}"),
            (one.x_adv, f"{task.class_names[one.after]}\n{one.probs_adv[one.after]:.1%}, attacked"),
            (0.5 + factor * one.delta, f"change x {factor}\nL2 {one.l2:.2f}"),
        )
        for column, (x, words) in enumerate(cells):
            left = GAP + column * (CELL + GAP)
            sheet.paste(cell_picture(x), (left, top + HEAD))
            draw.multiline_text((left, top + HEAD + CELL + 3), latin_text(words), INK, small, spacing=2)
    note = latin_text(f"{task.title}; attack of at most {radius}")
    draw.text((GAP, sheet.height - HEAD + 10), note, INK, small)
    return sheet_png(sheet)


def maps_png(task: Task, looks: Sequence[Prediction], form: CompareChoice, shared: float) -> bytes:
    """Gradient maps side by side, drawn and scaled as on the page, each under its network's name; 300 dpi.

    Args:
        task: the task.
        looks: of networks that have gradients, at least one.
        form: how maps are drawn.
        shared: the scale's end where maps share one.
    """
    full = [shared if form.shared else map_png.scale([look]) for look in looks]
    pngs = [map_png.drawn_map(look, one, form.over, form.opacity) for look, one in zip(looks, full, strict=True)]
    maps = [Image.open(io.BytesIO(png)) for png in pngs]
    width, height = maps[0].size
    sheet = Image.new("RGB", (GAP + len(looks) * (width + GAP), HEAD + height + CAPTION + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, (look, one, drawn) in enumerate(zip(looks, full, maps, strict=True)):
        left = GAP + column * (width + GAP)
        draw.rectangle((left, 4, left + width - 1, 9), fill=model_colour(look.model))
        draw.text((left, 13), latin_text(model_name(look.model)), INK, ImageFont.load_default(20))
        sheet.paste(drawn, (left, HEAD))
        answer = f"{shorten(task.class_names[look.target], 24)}, {percent(look.probs[look.target])}"
        words = latin_text(f"{answer}\nfull colour at {two_figures(one)} logits")
        draw.multiline_text((left, HEAD + height + 3), words, INK, ImageFont.load_default(15), spacing=2)
    return sheet_png(sheet)
