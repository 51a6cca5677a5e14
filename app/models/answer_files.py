"""What counted answers give to take away: shares by class and reliability as CSV, logits as NPZ, confusions as PNG."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.downloads import GAP, INK, PAPER, latin_text, npz, sheet_png, table_csv
from core.data.tasks import Task
from core.explanations.labelled_answers import LabelledAnswers
from core.metrics.calibration import reliability, tempered
from core.metrics.confusion import ClassShare, Counts, class_shares, confusion_matrix
from core.norms import radius_words

Classes = NDArray[np.int64]
SIDE, NAMES = 56, 190  # a cell of a confusion matrix, and the room for names, in pixels


def counts_of(task: Task, one: LabelledAnswers, under: str) -> Counts:
    """The confusion matrix of clean or attacked images."""
    return confusion_matrix(one.labels, one.answers_adv if under == "attacked" else one.answers, task.classes)


def shares_of(task: Task, one: LabelledAnswers) -> tuple[Sequence[ClassShare], Sequence[ClassShare]]:
    """The share of each class that is right, clean and attacked."""
    clean, attacked = (class_shares(counts_of(task, one, under)) for under in ("clean", "attacked"))
    return clean, attacked


def classes_csv(task: Task, found: Mapping[str, LabelledAnswers]) -> bytes:
    """A row for each network, kind of image and class: hits, n, share and its interval."""
    return table_csv(
        ("model", "images", "class", "hits", "n", "share", "share_low", "share_high"),
        (
            (key, under, name, share.hits, share.n, share.value if share.n else "", share.low, share.high)
            for key, one in found.items()
            for under, shares in zip(("clean", "attacked"), shares_of(task, one), strict=True)
            for name, share in zip(task.class_names, shares, strict=True)
        ),
    )


def reliability_csv(found: Mapping[str, LabelledAnswers], temperature: float) -> bytes:
    """A row for each network, kind of image and bin."""
    rows = []
    for key, one in found.items():
        for under, logits in (("clean", one.logits), ("attacked", one.logits_adv)):
            each = reliability(tempered(logits, temperature), one.labels)
            bins = zip(each.edges, each.edges[1:], each.counts, each.confidence, each.accuracy, strict=False)
            named = (key, under, temperature, each.ece)
            rows += [(*named, *("" if np.isnan(value) else value for value in one_bin)) for one_bin in bins]
    return table_csv(("model", "images", "temperature", "ece", "from", "to", "n", "confidence", "accuracy"), rows)


def reliability_npz(found: Mapping[str, LabelledAnswers], temperature: float) -> bytes:
    """For each network and kind of image, `edges` (B + 1,), and `counts`, `confidence` and `accuracy` (B,)."""
    arrays: dict[str, NDArray[Any]] = {}
    for key, one in found.items():
        for under, logits in (("clean", one.logits), ("attacked", one.logits_adv)):
            each = reliability(tempered(logits, temperature), one.labels)
            names = ("edges", "counts", "confidence", "accuracy")
            arrays |= {f"{name}__{key}__{under}": getattr(each, name) for name in names}
    return npz(arrays, {"temperature": temperature, "models": {key: one.settings for key, one in found.items()}})


def answers_npz(task: Task, found: Mapping[str, LabelledAnswers]) -> bytes:
    """`labels`, and for each network `logits`, `logits_adv` and `standing_square`; settings by network."""
    arrays = {f"{name}__{key}": getattr(one, name) for key, one in found.items() for name in ("logits", "logits_adv")}
    arrays |= {f"standing_square__{key}": one.standing_square for key, one in found.items()}
    labels = next(iter(found.values())).labels
    settings = {"task": task.key, "class_names": list(task.class_names)}
    return npz(arrays | {"labels": labels}, settings | {"models": {key: one.settings for key, one in found.items()}})


def confusions_png(task: Task, found: Mapping[str, LabelledAnswers], under: str) -> bytes:
    """The confusion matrices side by side, with counts, names and settings; 300 dpi."""
    side = task.classes * SIDE
    width, top = NAMES + side + 2 * GAP, 60
    sheet = Image.new("RGB", (len(found) * width, top + side + NAMES + 60), PAPER)
    draw = ImageDraw.Draw(sheet)
    small, large = ImageFont.load_default(20), ImageFont.load_default(28)
    for number, (key, one) in enumerate(found.items()):
        left, colour = number * width + GAP + NAMES, ImageColor.getrgb(model_colour(key))
        draw.rectangle((number * width + GAP, 8, (number + 1) * width - GAP, 14), fill=model_colour(key))
        draw.text((number * width + GAP, 20), latin_text(f"{model_name(key)}, {under}"), INK, large)
        counts = counts_of(task, one, under)
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        for row, name in enumerate(task.class_names):
            y = top + row * SIDE
            draw.text((left - 8, y + SIDE // 2), latin_text(name), INK, small, anchor="rm")
            for column, count in enumerate(counts[row]):
                x = left + column * SIDE
                tint = tuple(round(255 + (full - 255) * float(shares[row, column])) for full in colour)
                draw.rectangle((x + 1, y + 1, x + SIDE - 1, y + SIDE - 1), fill=tint)
                if count:
                    written = PAPER if shares[row, column] > 0.6 else INK
                    draw.text((x + SIDE // 2, y + SIDE // 2), str(count), written, small, anchor="mm")
        for column, name in enumerate(task.class_names):
            tag = Image.new("RGB", (NAMES, SIDE), PAPER)
            ImageDraw.Draw(tag).text((NAMES - 4, SIDE // 2), latin_text(name), INK, small, anchor="rm")
            sheet.paste(tag.rotate(90, expand=True), (left + column * SIDE, top + side))
    stated = next(iter(found.values())).settings
    epsilon = float(str(stated["epsilon"]))
    note = (
        f"{task.title}, first {stated['images']} test images; rows: true class, columns: answer; "
        f"PGD-{stated['steps']}, {stated['norm']}, epsilon {radius_words(str(stated['norm']), epsilon)}, "
        f"seed {stated['seed']}"
    )
    draw.text((GAP, sheet.height - 40), latin_text(note), INK, small)
    return sheet_png(sheet)
