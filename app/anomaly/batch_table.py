"""Many scored pictures: how many are odd, which, and files to take away."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import streamlit as st
from numpy.typing import NDArray

from app.anomaly import figures, slides
from app.anomaly.choice import AnomalyChoice
from app.anomaly.names import alpha_text
from app.state import session
from app.state.names import model_name
from app.ui import charts, presenter
from app.ui.controls import pick
from app.ui.data_urls import data_url
from app.ui.downloads import downloads, npz, table_csv
from app.ui.elements import how_to_read, ink
from core.anomaly.batch_file import path_text
from core.anomaly.batch_table import ManyScores, to_csv
from core.anomaly.catalogue import DETECTORS
from core.data.incoming import MAX_ENTRIES
from core.data.tasks import Task
from core.text import escape_markdown, shorten

KEEPS: Mapping[str, str] = {
    "all": "all",
    "flagged": "odd to a network",
    "split": "networks differ",
    "unread": "unreadable",
}
ROW = 64  # pixels a row is high
PValues = Mapping[str, NDArray[np.float64]]


def filter_order(p_values: PValues, keep: str, alpha: float) -> NDArray[np.int64]:
    """The places of the pictures that a filter keeps, oddest first, those without a score last.

    Args:
        p_values: by network (n,), NaN where there is no score.
        keep: key of `KEEPS`.
        alpha: the false-alarm rate.
    """
    values = np.stack(list(p_values.values()))
    flags, unread = values <= alpha, np.asarray(np.isnan(values).any(0))
    some, every = np.asarray(flags.any(0)), np.asarray(flags.all(0))
    wanted = {"all": unread | ~unread, "flagged": some, "split": some & ~every & ~unread, "unread": unread}[keep]
    order: NDArray[np.int64] = np.argsort(np.where(unread, 2.0, np.nan_to_num(values, nan=2.0).min(0)), kind="stable")
    return order[wanted[order]]


def results(task: Task, found: ManyScores, on_look: Callable[[int], None]) -> None:
    """Figures, histogram, filters, table and files; `on_look` is called with the place of a picture to look at."""
    part = session.page_choice(AnomalyChoice)
    if part.detector not in next(iter(found.p_values.values())):
        st.info(
            f"{DETECTORS[part.detector].name} is not in these calibrations: choose another detector.",
            icon=":material/info:",
        )
        return
    p_values = {key: each[part.detector] for key, each in found.p_values.items()}
    _counts(p_values, found, part)
    read = {key: values[np.isfinite(values)] for key, values in p_values.items()}
    if any(len(values) for values in read.values()):
        figure = figures.many({key: values for key, values in read.items() if len(values)}, part.alpha, ink())
        charts.show(figure, key="anomaly-many", alt="How many pictures have which p-value")
    left, right = st.columns([1.6, 1], gap="medium", vertical_alignment="bottom")
    keep = pick("Show", KEEPS, place=left, default="all", key="anomaly.keep")
    like = right.text_input("Name contains", key="anomaly.like").casefold()
    places = [
        at for at in filter_order(p_values, keep or "all", part.alpha).tolist() if like in found.paths[at].casefold()
    ]
    picked = st.dataframe(
        _shown(task, found, p_values, places, part.alpha), hide_index=True, row_height=ROW,
        height=min(9 * ROW, ROW * len(places) + 40), column_config=_columns(found), key="anomaly.table",
        on_select="rerun", selection_mode="single-row",
    )  # fmt: skip
    told = f"{len(places):,} of {len(found.paths):,} files, oddest first. A head sorts; a row opens its picture alone."
    if found.left:
        told += (
            f" There were more than {MAX_ENTRIES:,}; the others were not read: `robustscope score` takes any number."
        )
    st.caption(told)
    rows = [places[row] for row in picked.selection.rows if row < len(places)]
    if rows and not found.errors[rows[0]]:
        st.button(
            f"Look at {escape_markdown(shorten(found.paths[rows[0]]))} alone",
            on_click=on_look, args=(rows[0],), key="anomaly.look", icon=":material/search:", type="primary",
        )  # fmt: skip
    present = partial(slides.many_slides, task, found, places, part.detector, part.alpha)
    presenter.offer(present, linked=False)
    verdicts = partial(verdicts_csv, task, found, part.detector, part.alpha)
    downloads(f"verdicts-{task.key}", ("A row a picture as CSV", "csv", verdicts))
    downloads(
        f"scores-{task.key}",
        ("All scores as CSV", "csv", lambda: to_csv(found.table)),
        ("All scores as NPZ", "npz", lambda: as_npz(found.table)),
        ("All scores as Parquet", "parquet", lambda: as_parquet(found.table)),
    )


def _counts(p_values: PValues, found: ManyScores, part: AnomalyChoice) -> None:
    """How many are odd to each network, and how many could not be scored."""
    unread = sum(bool(error) for error in found.errors)
    told = f"{DETECTORS[part.detector].name}, where {alpha_text(part.alpha)} of normal pictures are odd"
    places = st.columns(len(p_values) + (1 if unread else 0))
    plain: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off"}
    for place, (key, values) in zip(places, p_values.items(), strict=False):
        read, odd = int(np.isfinite(values).sum()), int((values <= part.alpha).sum())
        share = f"{odd / read * 100:.0f} % of those read" if read else "none was read"
        place.metric(f"Odd to {model_name(key)}", f"{odd:,} of {read:,}", share, help=told, **plain)
    if unread:
        places[-1].metric("Could not be scored", f"{unread:,}", "the table says why", **plain)


def _columns(found: ManyScores) -> dict[str, Any]:
    heads: dict[str, Any] = {
        "Picture": st.column_config.ImageColumn("Picture", width="small", help="As the networks see it"),
        "File": st.column_config.TextColumn("File", width="medium"),
        "Why not": st.column_config.TextColumn("Why not", width="large"),
    }
    for key in found.models:
        name = model_name(key)
        heads[f"{name}: share"] = st.column_config.NumberColumn(
            f"{name}: % as odd", format="%.1f", help="Percent of normal pictures that look at least this odd"
        )
    return heads


def _shown(
    task: Task, found: ManyScores, p_values: PValues, places: Sequence[int], alpha: float
) -> dict[str, list[object]]:
    """The rows of the table, column by column."""
    columns: dict[str, list[object]] = {
        "Picture": [_thumbnail(found.pictures[at]) for at in places],
        "File": [found.paths[at] for at in places],
    }
    for key in found.models:
        name, values = model_name(key), p_values[key][places]
        columns[f"{name}: answer"] = [_answer(task, int(found.answers[key][at])) for at in places]
        columns[f"{name}: share"] = [None if np.isnan(value) else float(value) * 100 for value in values]
        columns[name] = [_verdict(value, alpha) for value in values]
    if any(found.errors[at] for at in places):
        columns["Why not"] = [found.errors[at] for at in places]
    return columns


def _answer(task: Task, index: int) -> str:
    return task.class_names[index] if index >= 0 else ""


def _thumbnail(levels: NDArray[np.uint8] | None) -> str | None:
    return None if levels is None else data_url(np.asarray(levels / 255, np.float32))


def _verdict(p_value: float, alpha: float) -> str:
    return "" if np.isnan(p_value) else "odd" if p_value <= alpha else "not flagged"


def verdicts_csv(task: Task, found: ManyScores, detector: str, alpha: float) -> bytes:
    """A row a file: each network's answer, its probability, p-value and verdict, and what decoding changed."""

    def row(at: int) -> Iterator[object]:
        yield from (path_text(found.paths[at]), detector, alpha)
        for key in found.models:
            p_value, sure = float(found.p_values[key][detector][at]), float(found.probabilities[key][at])
            yield from (_answer(task, int(found.answers[key][at])), "" if np.isnan(sure) else sure)
            yield from ("" if np.isnan(p_value) else p_value, _verdict(p_value, alpha))
        yield from (found.notes[at], found.errors[at])

    told = [f"{key}_{name}" for key in found.models for name in ("answer", "probability", "p_value", "verdict")]
    head = ("path", "detector", "alpha", *told, "notes", "error")
    return table_csv(head, ([*row(at)] for at in range(len(found.paths))))


def as_npz(table: pa.Table) -> bytes:
    """The table's columns by their names: numbers as they are, NaN where there is none; else text."""
    columns = {name: table[name] for name in table.column_names}
    return npz({name: _plain(column) for name, column in columns.items()}, {})


def _plain(column: pa.ChunkedArray) -> NDArray[Any]:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy())
    return np.array(["" if value is None else str(value) for value in column.to_pylist()])


def as_parquet(table: pa.Table) -> bytes:
    """All rows as Parquet, as the command `robustscope score` writes them."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def guide() -> None:
    """How to read the table."""
    part = session.page_choice(AnomalyChoice)
    how_to_read(
        f"Verdicts by {DETECTORS[part.detector].name}. Were all pictures normal, the bars would be level and about "
        f"{alpha_text(part.alpha)} of the pictures would be flagged: only a share well above that says that something "
        "is odd here. The files hold every detector's score and p-value. A ZIP within a ZIP is not opened, and what "
        "can't be read stands in the table with the reason.",
        "The command robustscope score does the same for folders of any size.",
    )
