"""The pictures found as a contact sheet, each with what every network makes of it."""

from collections.abc import Sequence

import numpy as np

from app.find.results import MeasuredPictures, changed_words
from app.state.names import model_name
from app.ui.sheets import Cell, SheetRow, levels, picture_sheet
from core.data.tasks import Task

ACROSS = 6  # pictures in a row
ON_SHEET = 60


def sheet_png(task: Task, measured: MeasuredPictures, places: Sequence[int], rule: str) -> bytes:
    """The first `ON_SHEET` of the places, in their order, under their numbers; the rule's title stands below."""
    shown = places[:ON_SHEET]
    rows = [
        SheetRow(
            f"{start + 1} to {start + len(shown[start : start + ACROSS])}",
            "",
            [_cell(task, measured, place) for place in shown[start : start + ACROSS]],
        )
        for start in range(0, len(shown), ACROSS)
    ]
    among = f"the first {len(shown)} of {len(places):,}" if len(places) > len(shown) else f"{len(shown)}"
    return picture_sheet(rows, f"{task.title}: {rule}; {among} among {len(measured.titles):,} pictures.")


def _cell(task: Task, measured: MeasuredPictures, place: int) -> Cell:
    facts = measured.facts
    answers = [
        f"{model_name(key)}: {task.class_names[facts.predicted[row, place]]} {facts.probability[row, place]:.0%}"
        + (f", {changed}" if (changed := changed_words(task, facts.changed_at[row, place])) else "")
        for row, key in enumerate(facts.models)
    ]
    return Cell(levels(measured.levels[place].astype(np.float64) / 255), "\n".join([measured.titles[place], *answers]))
