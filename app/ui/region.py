"""What pages show of the region pointed at: the picture's panel, the region edited and the new answers, controls."""

from collections.abc import Iterable, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.state import pictures, region_answers, session
from app.state.boxes import box_text
from app.state.pictures import ModelInput
from app.ui import map_png
from app.ui.colours import signed_colours
from app.ui.data_urls import bytes_url, data_url
from app.ui.downloads import table_csv
from app.ui.elements import how_to_read
from app.ui.region_picker import Panel, PanelAnswer, PanelGroup
from core.data.tasks import Task
from core.explanations.perturbed import PerturbedImage
from core.explanations.prediction import Prediction
from core.explanations.region import EDITS
from core.metrics.box import Box


def fill_picker() -> None:
    """Which picture of the gallery the region is replaced from."""
    choice = session.now()
    items = pictures.listed(choice.task)
    key = f"region.fill.{choice.task}"
    session.hold(key, region_answers.fill_key(choice))
    st.selectbox(
        "Replace the region from", list(items), format_func=lambda image: items[image].title, key=key,
        on_change=lambda: session.set_field("fill", st.session_state[key]),
    )  # fmt: skip


def picture_panel(task: Task, shown: ModelInput, looks: Sequence[Prediction]) -> Panel:
    """The picture as it came, with what the networks answer."""
    answers = [
        PanelAnswer(look.model, False, task.class_names[look.target], float(look.probs[look.target])) for look in looks
    ]
    return Panel("picture", "The picture", shown.title, data_url(shown.x[0]), answers=answers)


def change_panel(key: str, name: str, delta: NDArray[np.float32], model: str = "") -> Panel:
    """A change (C, H, W) as a map of its mean over channels, on a scale of its own."""
    heatmap = delta.mean(0)
    pixels = np.rint(signed_colours(heatmap, map_png.strongest(heatmap))).astype(np.uint8)
    return Panel(key, name, "the change: orange lighter, purple darker", bytes_url(pixels), heatmap, model)


def edited_panels(task: Task, keys: Sequence[str], shown: ModelInput) -> PanelGroup | None:
    """The region covered, blurred and replaced, each with the new answers; None while there is no box.

    Raises:
        InputError: a network's files are damaged, or it answers with values that are not finite.
    """
    choice = session.now()
    if choice.box is None:
        return None
    fill = region_answers.fill_picture(choice)
    found = region_answers.edited_answers(task, keys, shown, choice.box, fill)
    notes = {"cover": "with the mean colour", "blur": "by a Gaussian", "replace": f"from {fill.title}"}
    return PanelGroup(
        "The region changed, and what the networks answer now",
        [
            Panel(
                edit, EDITS[edit].title, notes[edit], data_url(results[0].x_adv),
                answers=[changed_answer(task, one) for one in results],
            )
            for edit, results in found.items()
        ],
    )  # fmt: skip


def changed_answer(task: Task, found: PerturbedImage) -> PanelAnswer:
    """What a network answers to a changed picture."""
    return PanelAnswer(found.model, found.changed, task.class_names[found.after], float(found.probs_adv[found.after]))


def answers_csv(task: Task, box: Box, found: Iterable[tuple[str, PerturbedImage]]) -> bytes:
    """A line for each way to change the region and each network: its answers before and after."""
    names = task.class_names
    head = ["model", "change", "box", "before", "before_probability", "after", "after_probability", "changed"]
    return table_csv(
        head,
        (
            [
                one.model, way, box_text(box), names[one.before], float(one.probs[one.before]), names[one.after],
                float(one.probs_adv[one.after]), one.changed,
            ]
            for way, one in found
        ),
    )  # fmt: skip


def edited_csv(task: Task, keys: Sequence[str], shown: ModelInput, box: Box) -> bytes:
    """The answers once the region is covered, blurred or replaced."""
    found = region_answers.edited_answers(task, keys, shown, box, region_answers.fill_picture(session.now()))
    return answers_csv(task, box, ((edit, one) for edit, results in found.items() for one in results))


def edits_guide(before: str = "", source: str = "") -> None:
    """How to read answers after an edit, behind what a page says besides."""
    how_to_read(
        f"{before}"
        "An answer that changes once a region is gone hangs on it. No fill is neutral: a box of one colour has edges "
        "of its own, a blurred one keeps the colours, another picture brings objects. Trust what all three say.",
        f"{source}Regions taken away: Zeiler, Fergus 2014, arXiv:1311.2901, Sec. 4.2, with a grey square.",
    )
