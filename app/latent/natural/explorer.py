"""The picture as it is changed now, what each network says of it, and the sliders with their ribbons."""

from functools import partial

import numpy as np
import streamlit as st

from app.latent import explorer, point, python_program, slides
from app.latent.choice import LatentChoice
from app.latent.natural import files, results, smallest
from app.latent.natural.amounts import Amounts
from app.latent.natural.results import NaturalScene
from app.latent.natural.smallest import SmallestChanges
from app.latent.ribbon_files import answered_cell, ribbons_csv, ribbons_png
from app.state import session
from app.state.errors import guard
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import controls, elements, presenter, python_code, slider_predictions, tables
from app.ui.data_urls import data_url
from app.ui.downloads import downloads
from app.ui.elements import how_to_read
from app.ui.sheets import Cell, levels
from app.ui.slider_predictions import ClassColours
from app.ui.task_progress import watch
from core.data.tasks import Task
from core.natural.catalogue import CHANGES, GROUPS, changes_of
from core.natural.change import Change
from core.natural.ribbons import ChangedRow, positions_at

PHOTOGRAPH = 96  # pixels of a side from which on a picture is not shown in squares


@st.fragment
def explore(task: Task, shown: ModelInput) -> None:
    """Everything that follows from where the sliders stand; a move re-runs only this."""
    with guard():
        _parts(task, shown)


def _parts(task: Task, shown: ModelInput) -> None:
    here = results.scene(task, shown, session.now().models)
    part = session.page_choice(LatentChoice)
    see, say, move = st.columns([0.75, 0.95, 1.8], gap="medium")
    row, colours = results.row_at(here, part.amounts), ClassColours(task)
    with see:
        _now(here, row, part.amounts)
    with say:
        _answers(here, row, colours)
    with move, guard():
        explorer.mini(task, row, here.models, colours)
        _sliders(here, part, colours)
    _guide(task)
    arrays = partial(files.explorer_npz, here, part.amounts)
    rows, cells = partial(_rows, here, part), _cells(here, row)
    downloads(
        f"natural-{task.key}",
        ("Pictures and ribbons as PNG", "png", lambda: ribbons_png(task, here.models, cells, rows(), colours)),
        ("Answers along the sliders as CSV", "csv", lambda: ribbons_csv(task, here.models, rows())),
        ("Picture and ribbons as NPZ", "npz", arrays),
    )
    with st.container(horizontal=True):
        presenter.offer(lambda: slides.slides(here.task, here.models, row, here.picture, rows(), colours))
        controls.share()
        first, rest = next((key, change.rest) for key, change in CHANGES.items())
        python_code.show(python_program.natural_program(session.now(), {first: rest, **dict(part.amounts)}, first))
    point.show(task, shown, here.models, row)
    place = elements.section("smallest", "What is the smallest natural change that fools each network?")
    if place.open:
        with place, guard():
            _smallest(here)


def _now(here: NaturalScene, row: ChangedRow, amounts: Amounts) -> None:
    """The changed picture beside the one as it is."""
    x, still = row.x[0], here.picture.x[0]
    off = float(np.sqrt(np.square(x - still).mean()))
    fine = " rs-fine" if min(x.shape[1:]) > PHOTOGRAPH else ""
    tiles = [
        explorer.tile(data_url(x), "now", "now", f"rs-now{fine}"),
        explorer.tile(data_url(still), "picture", "the picture", fine.strip()),
    ]
    known = changes_of(here.task.shape[0])
    made = ", ".join(f"{known[key].title.lower()} {known[key].words(amount)}" for key, amount in amounts)
    st.html(
        f'<div class="rs-latent" data-natural="{off:.4f}">{"".join(tiles)}</div>'
        f'<div class="rs-small">{made[:1].upper() + made[1:] if made else "As it is"}: <b>{off:.3f}</b> off (RMSE, '
        "black to white is 1).</div>"
    )


def _answers(here: NaturalScene, row: ChangedRow, colours: ClassColours) -> None:
    rest = results.answers_at_rest(here)
    said = (
        explorer.answer_html(here.task, key, row.probs[number, 0], int(rest[number]), colours)
        for number, key in enumerate(here.models)
    )
    st.html(f'<div class="rs-says-all">{"".join(said)}</div>')


def _sliders(here: NaturalScene, part: LatentChoice, colours: ClassColours) -> None:
    """The sliders of one group in two columns, each with its ribbon as soon as that is known."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        controls.pick("Change its", GROUPS, **session.binding("changes", "latent.changes"))
        if part.amounts:
            st.button(
                "All to rest", icon=":material/restart_alt:", key="latent.natural.rest", on_click=session.set_field,
                args=("amounts", ()),
            )  # fmt: skip
    legend = st.empty()
    mine = _changes(here, part)
    columns, seen = st.columns(2, gap="medium"), set(results.row_at(here, part.amounts).predicted[:, 0].tolist())
    for number, change in enumerate(mine):
        with columns[2 * number // len(mine)], st.container(key=f"slider-natural-{change.key}", gap=None):
            amount = dict(part.amounts).get(change.key, change.rest)
            _slider(change, amount)
            row = results.slider_row(here, part.amounts, change)
            st.html(slider_predictions.ribbon_html(here.task, row, here.models, change.key, amount, colours))
            seen |= set(row.predicted.flatten().tolist())
    legend.html(slider_predictions.key_html(here.task, here.models, colours, seen))


def _changes(here: NaturalScene, part: LatentChoice) -> list[Change]:
    """The changes of the group that is chosen."""
    return [change for change in changes_of(here.task.shape[0]).values() if change.group == part.changes]


def _cells(here: NaturalScene, row: ChangedRow) -> list[Cell]:
    """The changed picture with each network's answer, and the picture as it is, for a sheet."""
    now = answered_cell(here.task, here.models, row.x[0], "now", row.probs[:, 0])
    return [now, Cell(levels(here.picture.x[0]), "the picture")]


def _rows(here: NaturalScene, part: LatentChoice) -> list[slides.SliderRow]:
    """The sliders of the chosen group, with what the networks would answer along each."""
    return [
        slides.SliderRow(
            change.key, change.title, dict(part.amounts).get(change.key, change.rest),
            results.slider_row(here, part.amounts, change),
        )
        for change in _changes(here, part)
    ]  # fmt: skip


def _slider(change: Change, amount: float) -> None:
    key = f"latent.natural.{change.key}"
    session.hold(key, float(amount))
    unit, decimals = change.unit.replace("%", "%%"), 2 if change.step < 1 else 0
    st.slider(
        change.title, float(change.low), float(change.high), step=float(change.step), format=f"%.{decimals}f{unit}",
        help=change.meaning, key=key, on_change=_take, args=(change.key, key),
    )  # fmt: skip


def _take(change: str, key: str) -> None:
    session.set_field("amount", (change, st.session_state[key]))


def _guide(task: Task) -> None:
    how_to_read(
        "Each strip under a slider belongs to one network, in the order and colour named above: it is coloured by the "
        "class that the network would answer if you moved this slider there and left the others, at "
        f"{positions_at(task.shape)} places. “Another class” is said of an answer other than the network's own to the "
        "picture as it is. Where a strip turns, look at the picture and judge: some changes take away what "
        "anybody would recognise. The border is filled by a reflection; an occlusion is grey; noise and fog are the "
        "same for every picture. Several changes are made one after another: view, occlusion, fog, light, blur, noise, "
        "JPEG.",
        "Changes: kornia, Riba et al. 2020, arXiv:1910.02190; JPEG: Pillow.",
    )


def _smallest(here: NaturalScene) -> None:
    """The search along every change; the work runs beside the page."""
    work = watch(smallest.search_task(here))
    if work is not None:
        tables.show(
            smallest.table_html(here, work.result),
            f"natural-smallest-{here.task.key}",
            partial(files.smallest_csv, here, work.result),
            partial(files.smallest_npz, here, work.result),
        )
        _several(here, work.result)
        smallest.guide()
        changes = [row[0].change for row in work.result.alone]
        program = python_code.picture_and_networks(session.now(), ()) + python_code.smallest_natural(changes)
        sloping = all(one is not None for one in work.result.together)
        python_code.show(program + python_code.smallest_several() if sloping else program)


def _several(here: NaturalScene, found: SmallestChanges) -> None:
    """Buttons that move the sliders to what turns a network's answer."""
    with st.container(horizontal=True):
        for key, one in zip(here.models, found.together, strict=True):
            if one is not None and one.found:
                st.button(
                    f"Move the sliders to several at once: {model_name(key)}", icon=":material/tune:",
                    key=f"latent.natural.several.{key}", on_click=session.set_field,
                    args=("amounts", tuple(one.amounts.items())),
                )  # fmt: skip
