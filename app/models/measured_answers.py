"""What networks answered to the first test images: from the report that ships, or counted where the data set is."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape

import streamlit as st

from app.state import device, pictures, zoo
from app.state.epsilon_scale import radius_text
from app.state.names import model_name
from app.state.reports import cached_report
from app.state.tasks import Call
from app.ui.task_progress import LongTask, watch
from core.data.datasets import load
from core.data.tasks import Task
from core.explanations.labelled_answers import AnswerSettings, LabelledAnswers, measure_answers
from core.progress import OnProgress, ShouldStop
from core.reports.answers.report import NAME, STEP_OF_LOGITS, Answers
from core.reports.form.provenance import in_words
from core.text import escape_markdown

Found = Mapping[str, LabelledAnswers]


def measured(task: Task, keys: Sequence[str], images: int, settings: AnswerSettings) -> Found:
    """The answers that are there, by network; what stands in for the others is drawn.

    Args:
        task: the networks' task.
        keys: networks.
        images: how many of the first test images, where they can be counted here; else as many as the report holds.
        settings: how they are attacked.

    Raises:
        InputError: the report is damaged.
    """
    report, here = cached_report(task.key, NAME, Answers.read), pictures.data_there(task.key)
    shipped = _shipped(task, report, keys, images if here else None, settings)
    if report and shipped:
        _say_source(task, report, shipped)
    missing = [key for key in keys if key not in shipped]
    if missing and not here:
        names = " and ".join(escape_markdown(model_name(key)) for key in missing)
        way = f"which are not on this machine: `robustscope data fetch {task.key}` brings them."
        if task.brought:
            way = "and a task that was brought has none."
        st.info(
            f"No report here holds the answers of {names} by class. They are counted on the data set's test images, "
            + way,
            icon=":material/info:",
        )
    done = watch(counting(task, missing, images, settings)) if missing and here else None
    found = {**shipped, **(done.result if done else {})}
    return {key: found[key] for key in keys if key in found}


def of_the_report(found: Found) -> list[str]:
    """The networks whose answers come from the report that ships: their logits are rounded."""
    return [key for key, one in found.items() if STEP_OF_LOGITS in one.settings]


def counting(task: Task, keys: Sequence[str], images: int, settings: AnswerSettings) -> LongTask:
    """The asking of networks about the first test images."""
    known = tuple((key, zoo.cards_of(task.key)[key].sha256) for key in keys)
    names = " and ".join(f"**{model_name(key)}**" for key in keys)
    return LongTask(
        "models.answers",
        ("answers", task.key, known, images, settings, device.step_precision()),
        partial(_call, task, keys, images, settings),
        f"The first {images:,} test images, asked of {names}: clean, and under PGD-{settings.steps} at "
        f"{radius_text(settings.norm, settings.epsilon)}"
        + (f", and under Square attack with {settings.queries:,} queries." if settings.queries else "."),
        "Count their answers",
        ":material/grid_on:",
        lambda work: f"Answer {work.done:,} of {work.of:,}" if work.of else "Begun",
    )


def _call(task: Task, keys: Sequence[str], images: int, settings: AnswerSettings) -> Call:
    models = [zoo.model(task.key, key) for key in keys]

    def call(on_progress: OnProgress, should_stop: ShouldStop) -> dict[str, LabelledAnswers]:
        data = load(task, "test", most=images).on(device.device())
        found: dict[str, LabelledAnswers] = {}
        for number, model in enumerate(models):
            on_progress(number * len(data), len(models) * len(data))

            def told(done: int, before: int = number * len(data)) -> None:
                on_progress(before + done, len(models) * len(data))

            found[model.card.key] = measure_answers(device.placed(model), data, settings, told, device.step_precision())
        return found

    return call


def _shipped(
    task: Task, report: Answers | None, keys: Sequence[str], images: int | None, settings: AnswerSettings
) -> dict[str, LabelledAnswers]:
    """What the report holds of it; with None for the images, of all of the report's."""
    if report is None:
        return {}
    cards, count = zoo.cards_of(task.key), report.images if images is None else images
    found = {key: report.of(cards[key].sha256, settings, count) for key in keys}
    return {key: one for key, one in found.items() if one is not None}


def _say_source(task: Task, report: Answers, shipped: Found) -> None:
    """What is shown from the report, how it was measured, and what the data set would add."""
    made, names = report.report, " and ".join(model_name(key) for key in shipped)
    rows = [row for row in made.rows if row["model"] in shipped]
    more = (
        ""
        if pictures.data_there(task.key)
        else " With the data set on this machine, other numbers of images and Square attack can be asked for."
    )
    n = len(next(iter(shipped.values())).labels)
    st.html(
        f'<div class="rs-small" data-shipped="{n}">{escape(names)}: from the report that ships, the first {n:,} test '
        f"images, {escape(str(made.settings['data']))}; {escape(in_words(made.provenance, rows))}.{more}</div>"
    )
