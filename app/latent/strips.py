"""Strips of pictures: neighbours of a code, the same code as every class, and the ways that a player goes along."""

from collections.abc import Sequence
from functools import partial
from html import escape

import streamlit as st

from app.latent import python_program, results
from app.latent.choice import AROUND_TOP, AXES, MOST_DRAWS, LatentChoice
from app.latent.explorer import axis_title
from app.latent.files import row_npz
from app.latent.position import ResolvedPosition
from app.state import pictures, session
from app.state.names import model_name
from app.state.reconstructions import reconstruction
from app.ui import python_code, tiles
from app.ui.colours import model_colour
from app.ui.controls import pick
from app.ui.data_urls import data_url
from app.ui.downloads import downloads
from app.ui.elements import how_to_read, percent
from app.ui.player import Line, Series, Track, player
from app.ui.slider_predictions import ClassColours, key_html, runs
from core.data.tasks import Task
from core.latent.strips import DecodedRow
from core.metrics.intervals import wilson

NEIGHBOURS = 12
BETWEEN = 25  # moments of the way between two pictures
INK = "#7A8594"  # of distances, which belong to no network


def cells_html(task: Task, strip: DecodedRow, models: Sequence[str], said: Sequence[str], mark: str) -> str:
    """Pictures side by side, below each the networks' answers as lettered patches in the networks' order."""
    names, colours, cells = task.class_names, ClassColours(task), []
    for number, words in enumerate(said):
        patches = "".join(
            f'<b style="background: {colours[answer]}; --rs-colour: {model_colour(key)}" '
            f'data-network="{escape(key)}" data-class="{escape(names[answer])}" '
            f'title="{escape(model_name(key))}: {escape(names[answer])} '
            f'{percent(float(strip.probs[index, number, answer]))}">{escape(names[answer])}</b>'
            for index, key in enumerate(models)
            for answer in (int(strip.predicted[index, number]),)
        )
        caption = f"<figcaption>{escape(words)}</figcaption>" if words else ""
        cells.append(
            f'<figure><img src="{data_url(strip.x[number])}" alt="{escape(words) or f"Picture {number + 1}"}">'
            f"{caption}{patches}</figure>"
        )
    columns = 6 if len(cells) % 6 == 0 else 5
    return f'<div class="rs-neighbours" style="--rs-columns: {columns}" {mark}>{"".join(cells)}</div>'


def neighbours(task: Task, here: ResolvedPosition, part: LatentChoice) -> None:
    """Random neighbours, their answers, and how many of them each network takes for what is drawn."""
    left, right = st.columns([2.4, 1], gap="medium", vertical_alignment="bottom")
    left.slider(
        "How far around, ε (noise that keeps codes as likely as they are)", 0.0, AROUND_TOP, step=0.25, format="%.2f",
        **session.binding("around", "latent.around"),
    )  # fmt: skip
    right.button(
        "Others", icon=":material/casino:", key="latent.cast", on_click=session.set_field,
        args=("cast", part.cast % MOST_DRAWS + 1),
    )  # fmt: skip
    strip, models = results.neighbours_of(here, part.around, NEIGHBOURS, part.cast), here.models
    st.html(key_html(task, models, ClassColours(task)))
    cells = cells_html(task, strip, models, [""] * NEIGHBOURS, "data-neighbours")
    tiles.show(cells, "neighbours", arrays=partial(row_npz, strip, models))
    st.html(f'<div class="rs-key-row" data-kept>{"".join(_kept(task, strip, models, here.place.label))}</div>')
    how_to_read(
        "Each picture is of a random code near the one above, all drawn as the same class. Below it: the networks' "
        "answers, in the order of the colours. Many turns at a small ε say that an answer hangs by a thread here. "
        "In brackets: 95 % interval (Wilson).",
        "Local latent noise accuracy: Buzhinsky et al. 2020, arXiv:2003.01993.",
    )
    python_code.show(python_program.neighbours(here, part.around, NEIGHBOURS, part.cast))


def _kept(task: Task, strip: DecodedRow, models: Sequence[str], label: int) -> list[str]:
    said = []
    for number, key in enumerate(models):
        count, of = int((strip.predicted[number] == label).sum()), len(strip.x)
        low, high = wilson(count, of)
        said.append(
            f'<span data-kept-by="{escape(key)}" data-count="{count}"><i style="background: {model_colour(key)}"></i>'
            f"{escape(model_name(key))}: <b>{count} of {of}</b> taken for {escape(task.class_names[label])} "
            f"({percent(low)} to {percent(high)})</span>"
        )
    return said


def _take_away(name: str, strip: DecodedRow, models: Sequence[str]) -> None:
    downloads(name, ("All arrays as NPZ", "npz", partial(row_npz, strip, models)), quiet=True)


def every_class(task: Task, here: ResolvedPosition) -> None:
    """The code drawn as every class."""
    strip = results.relabelled_row(here)
    words = [f"as {name}" for name in task.class_names]
    cells = cells_html(task, strip, here.models, words, "data-told")
    tiles.show(cells, "every-class", arrays=partial(row_npz, strip, here.models))
    how_to_read(
        "The same code, drawn as each class: what the generator keeps is style, such as brightness and width. Below "
        "each: the networks' answers, in the order of the colours.",
        "One class-conditional generator: the label is told beside the code.",
    )
    python_code.show(python_program.every_class(here))


def scrub(task: Task, here: ResolvedPosition, part: LatentChoice) -> None:
    """One slider's whole way, moved in the browser without asking the server."""
    place = here.place
    titles = {axis: axis_title(task, place, axis, way)[0] for axis, way in zip(AXES, here.directions, strict=True)}
    pick("Go along", {key: titles[key] for key in AXES}, **session.binding("scrub", "latent.scrub"))
    which = AXES.index(part.scrub)
    strip = results.slider_row(here, which)
    nearest = int(abs(strip.positions - place.at[which]).argmin())
    _play(task, strip, here.models, place.label, titles[part.scrub], nearest, f"latent-{part.scrub}")
    _take_away("slider", strip, here.models)
    python_code.show(python_program.slider(here, which))


def interpolation(task: Task, here: ResolvedPosition, part: LatentChoice) -> None:
    """The way from the picture above to another one of the gallery."""
    choice, label = session.now(), here.place.label
    items = {key: item for key, item in pictures.listed(task.key).items() if key != choice.image}
    key = f"latent.other.{task.key}"
    other = part.other if part.other in items else _other(items)
    if st.session_state.get(key) != other:
        st.session_state[key] = other
    st.selectbox(
        "The other picture", list(items), format_func=lambda item: items[item].title, key=key,
        on_change=lambda: session.set_field("other", st.session_state[key]), width=320,
    )  # fmt: skip
    end = reconstruction(task, pictures.model_input(task.key, other, choice.fit, choice.invert))
    last = end.taken_as(items[other].label)
    strip = results.interpolation_row(here, end, last, BETWEEN)
    names = task.class_names
    if last != label:
        st.html(
            f'<div class="rs-small">The first half is drawn as {escape(names[label])}, the second as '
            f"{escape(names[last])}: the generator knows no class in between.</div>"
        )
    _play(task, strip, here.models, label, "Share of the way", 0, f"latent-between-{other}", last)
    turns = "".join(_turns(task, strip, number, key) for number, key in enumerate(here.models))
    st.html(f'<div class="rs-turns">{turns}</div>')
    _take_away("interpolation", strip, here.models)
    python_code.show(python_program.way(here, end.codes[last], last, BETWEEN))


def _other(items: dict) -> str:
    """The picture that is offered first: one whose class is known, where there is any."""
    return next((key for key, item in items.items() if item.label is not None), next(iter(items)))


def _turns(task: Task, strip: DecodedRow, number: int, key: str) -> str:
    """What a network answers on the way, in words."""
    names = task.class_names
    said = " → ".join(names[label] for label, _, _ in runs(strip.predicted[number]))
    return (
        f'<div data-turns="{escape(key)}"><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}: '
        f"<b>{escape(said)}</b></div>"
    )


def _play(
    task: Task,
    strip: DecodedRow,
    models: Sequence[str],
    label: int,
    step: str,
    start: int,
    key: str,
    end: int | None = None,
) -> None:
    """A strip in the player: pictures, the networks' probabilities, and distances."""
    names = task.class_names
    answers = strip.predicted
    captions = [
        " · ".join(
            f"{model_name(one)}: {names[answers[number, moment]]} {percent(float(strip.probs[number, moment].max()))}"
            for number, one in enumerate(models)
        )
        for moment in range(len(strip.positions))
    ]
    track = Track(f"drawn as {names[label]}" if end in (None, label) else "", INK, strip.x, captions, start)
    series = [
        _probability(strip, models, names[one], one) for one in dict.fromkeys((label, *([] if end is None else [end])))
    ]
    if end is None:
        series.append(Series("Distance in latent space (scaled)", [Line(strip.latent.tolist(), INK, "from the start")]))
    series.append(Series("Distance of the picture (RMSE)", [Line(strip.image.tolist(), INK, "from the start")]))
    places = [f"{position:.2f}".replace("-", "−") for position in strip.positions]
    player([track], series, key, step=step, start=start, ends=("here", "now"), places=places)


def _probability(strip: DecodedRow, models: Sequence[str], name: str, label: int) -> Series:
    lines = [
        Line(strip.probs[number, :, label].tolist(), model_colour(key), model_name(key))
        for number, key in enumerate(models)
    ]
    return Series(f"Probability of {name}", lines, "percent")
