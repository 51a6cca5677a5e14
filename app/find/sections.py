"""The parts of the page Find: which pictures, by which rule, and those that were found."""

from collections.abc import Sequence
from functools import partial
from html import escape

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.find import python_program, sheet, slides
from app.find.choice import EVERY_CLASS, ORDERS, SOURCES, FindChoice, Ranges, counts_of
from app.find.results import MeasuredPictures, changed_words, measuring, settings_of
from app.state import pictures, session
from app.state.choice import Choice
from app.state.epsilon_scale import radius_text
from app.state.names import model_name
from app.ui import controls, elements, map_png, picture_files, presenter, python_code
from app.ui.downloads import downloads, npz
from app.ui.task_progress import watch
from core.anomaly.batch_table import to_csv
from core.data.tasks import Task, task_named
from core.errors import InputError
from core.explanations.picture_facts import PictureFacts
from core.explanations.picture_rules import RULES
from core.text import escape_markdown, hyphenated, shorten

A_PAGE = 12  # pictures found that are shown at once
OPENS = "pages/compare.py"


def show(choice: Choice) -> None:
    """Choose, measure, and show what was found."""
    part, task = session.page_choice(FindChoice), task_named(choice.task)
    _controls(task, part, choice)
    files = None
    if part.source == "own":
        files = picture_files.uploads("find.files")
        if not files:
            st.caption("Choose files, or drop a ZIP: the same rules are applied to your own pictures.")
            return
    elif not pictures.data_there(choice.task):
        st.caption(
            f"The data set is not on this server: the {len(pictures.items(choice.task))} pictures of the gallery are "
            "searched. With it, its test images are."
        )
    done = watch(measuring(choice, files, RULES[part.rule], part.tests))
    if done is not None:
        _found(task, part, done.result, files)


def _controls(task: Task, part: FindChoice, choice: Choice) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Find pictures where",
            list(RULES),
            format_func=lambda key: RULES[key].title,
            width=330,
            **session.binding("rule", "find.rule"),
        )
        st.selectbox(
            "Class",
            range(task.classes + 1),
            width=180,
            format_func=lambda place: "every class" if place == EVERY_CLASS else task.class_names[place - 1],
            **session.binding("of_class", f"find.class.{task.key}"),
        )
        st.selectbox(
            "Sorted", list(ORDERS), format_func=ORDERS.__getitem__, width=170,
            **session.binding("order", "find.order"),
        )  # fmt: skip
        if part.source == "gallery" and pictures.data_there(task.key) and len(counts_of(task)) > 1:
            st.selectbox(
                "Test images, the first", counts_of(task), format_func=lambda count: f"{count:,}", width=150,
                **session.binding("tests", f"find.tests.{task.key}"),
            )  # fmt: skip
        with st.popover("Confidence" + (f": {len(part.sure)} limited" if part.sure else ""), icon=":material/tune:"):
            st.caption("Only pictures of whose answer a network is so sure.")
            for key in choice.models:
                _range(key, part)
        controls.pick("Pictures", SOURCES, **session.binding("source", "find.source"))


def _range(key: str, part: FindChoice) -> None:
    """The least and the most confidence of one network.

    Its value is its default: the browser makes it once the popover opens, when what was set before is forgotten.
    """
    name = f"find.sure.{key}"
    held = next(((low, high) for one, low, high in part.sure if one == key), (0, 100))
    st.slider(
        model_name(key), 0, 100, held, format="%d %%", key=name,
        on_change=lambda: session.set_field("range", (key, *st.session_state[name])),
    )  # fmt: skip


def _found(task: Task, part: FindChoice, measured: MeasuredPictures, files: Sequence[UploadedFile] | None) -> None:
    facts, rule = measured.facts, RULES[part.rule]
    for sentence in measured.refused[:5]:
        st.caption(escape_markdown(shorten(sentence, 200)))
    if len(measured.refused) > 5:
        st.caption(f"And {len(measured.refused) - 5:,} more files could not be read.")
    st.caption(f"{rule.sentence} The first network is {escape_markdown(model_name(facts.models[0]))}.")
    lacks = rule.lacks(facts)
    if lacks:
        st.info(lacks)
        return
    places = _of_class(rule.places(facts), facts, part.of_class)
    places = in_order(places[sure_enough(facts, part.sure)[places]], facts, part.order)
    st.markdown(f"**{len(places):,}** of {len(facts.keys):,} pictures.")
    if len(places):
        pages = -(-len(places) // A_PAGE)
        grid = st.container(horizontal=True, gap="small", key="found")
        page = (
            st.pagination(pages, key=f"find.page.{task.key}.{part.rule}.{part.of_class}.{part.order}.{len(places)}")
            if pages > 1
            else 1
        )
        here = places[(page - 1) * A_PAGE : page * A_PAGE].tolist()
        for place in here:
            _card(grid, task, measured, place, files)
        presenter.offer(partial(slides.slides, task, measured, here, rule.title), linked=files is None)
    _guide(task)
    found = partial(sheet.sheet_png, task, measured, places.tolist(), rule.title)
    downloads(
        f"find-{task.key}",
        *([("Those found as PNG", "png", found)] if len(places) else []),
        ("All pictures as CSV", "csv", partial(_csv, task, measured)),
        ("All arrays as NPZ", "npz", partial(arrays_npz, task, measured)),
    )
    python_code.show(python_program.program(session.now(), part.source == "own", rule, part.tests))


def _guide(task: Task) -> None:
    settings = settings_of(task, attacked=True)
    radii = ", ".join(radius_text("linf", epsilon) for epsilon in settings.epsilons)
    elements.how_to_read(
        "Each picture is answered by every network. Where a rule asks for it, detectors flag at 5 % false alarms, or "
        f"PGD of {settings.steps} steps, without restarts, attacks the answer given at {radii}. That none of them "
        "changes it is the attack's failure, and no proof that nothing does. Files hold what the rule asked for.",
        "PGD: Madry et al. 2018, arXiv:1706.06083.",
    )


def _of_class(places: NDArray[np.int64], facts: PictureFacts, of_class: int) -> NDArray[np.int64]:
    """Those of the class counted from 1: the true one, or the first network's answer where that is unknown."""
    if of_class == EVERY_CLASS:
        return places
    return places[_classes(facts)[places] == of_class - 1]


def _classes(facts: PictureFacts) -> NDArray[np.int64]:
    """The true class of each picture (n,), or the first network's answer where that is unknown."""
    return np.where(facts.labels >= 0, facts.labels, facts.predicted[0])


def in_order(places: NDArray[np.int64], facts: PictureFacts, order: str) -> NDArray[np.int64]:
    """The places in one of `ORDERS`; equals stay as the rule has them."""
    if order == "rule":
        return places
    sure = facts.probability[0][places]
    by = {"surest": -sure, "least-sure": sure, "class": _classes(facts)[places]}[order]
    return places[np.argsort(by, kind="stable")]


def sure_enough(facts: PictureFacts, ranges: Ranges) -> NDArray[np.bool_]:
    """The pictures of whose answer each network is as sure as its range says (n,); ends are within."""
    kept = np.full(len(facts.keys), True)
    for key, low, high in ranges:
        if key in facts.models:
            percents = facts.probability[facts.models.index(key)] * 100
            kept &= (low <= percents) & (percents <= high)
    return kept


def _card(
    grid: DeltaGenerator,
    task: Task,
    measured: MeasuredPictures,
    place: int,
    files: Sequence[UploadedFile] | None,
) -> None:
    facts, title = measured.facts, measured.titles[place]
    with grid.container(border=True, width=170, gap="xsmall", key=f"found-{place}"):
        elements.show_png(map_png.enlarge(measured.levels[place].astype(np.float32) / 255), title)
        st.html(f'<div class="rs-found"><b>{escape(shorten(title, 40))}</b>{_answers(task, facts, place)}</div>')
        if st.button("Open", key=f"find.open.{place}", icon=":material/open_in_new:", width="stretch"):
            _open(facts.keys[place], files)


def _answers(task: Task, facts: PictureFacts, place: int) -> str:
    """What each network makes of a picture, a line each."""
    lines = []
    for row, key in enumerate(facts.models):
        radius = facts.changed_at[row, place]
        changed = f"<small>{words}</small>" if (words := changed_words(task, radius)) else ""
        answer = task.class_names[facts.predicted[row, place]]
        lines.append(
            f"<div><span>{escape(model_name(key))}</span> <b>{escape(hyphenated(answer))}</b> "
            f"{facts.probability[row, place]:.0%}{changed}</div>".replace("%", " %")
        )
    return "".join(lines)


def _open(key: str, files: Sequence[UploadedFile] | None) -> None:
    """Make a picture the one that all pages are about, and go to where networks are compared."""
    if files is None:
        session.set_field("image", key)
    elif not picture_files.choose(files, int(key)):
        raise InputError("this file is no longer here: choose it again")
    st.switch_page(OPENS)


def _csv(task: Task, measured: MeasuredPictures) -> bytes:
    """A row a picture and network."""
    facts = measured.facts
    rows = [
        {
            "picture": measured.titles[place],
            "class": task.class_names[facts.labels[place]] if facts.labels[place] >= 0 else "",
            "network": key,
            "answer": task.class_names[facts.predicted[row, place]],
            "probability": facts.probability[row, place],
            "flagged_by": facts.flagged[row, place],
            "changed_at": facts.changed_at[row, place],
            "map_agreement": facts.agreement[place],
        }
        for place in range(len(facts.keys))
        for row, key in enumerate(facts.models)
    ]
    return to_csv(pa.Table.from_pylist(rows))


def arrays_npz(task: Task, measured: MeasuredPictures) -> bytes:
    """What the networks got of each picture, `levels`, and all that was measured of it."""
    facts = measured.facts
    names = ("labels", "predicted", "probability", "flagged", "changed_at", "agreement")
    arrays = {"levels": measured.levels} | {name: getattr(facts, name) for name in names}
    settings = {"task": task.key, "class_names": list(task.class_names), "models": list(facts.models)}
    return npz(arrays, settings | {"titles": list(measured.titles)})
