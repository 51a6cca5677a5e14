"""The explorer: the picture that is decoded now, what each network says of it, and the sliders with their ribbons."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.latent import results
from app.latent.choice import AXES, LEADING, MOST_DRAWS, LatentChoice
from app.latent.position import LatentPosition, ResolvedPosition, resolve
from app.latent.ribbon_files import answered_cell
from app.state import autoencoders, openings, predictions, session
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.state.reconstructions import Reconstruction, reconstruction
from app.ui import slider_predictions
from app.ui.colours import model_colour
from app.ui.data_urls import data_url
from app.ui.elements import how_to_read, percent
from app.ui.sheets import Cell, levels
from app.ui.slider_predictions import ClassColours
from core.data.tasks import Task, task_named
from core.latent.directions import RANGES, Direction
from core.latent.ribbons import POSITIONS
from core.latent.strips import DecodedRow
from core.text import hyphenated
from core.training.autoencoder.shipped import AUTOENCODERS

STEPS = {"decay": 0.05, "noise": 0.05}
STEP = 0.25  # of the others
TOP = 3  # classes shown for each network
FAR = 1.5  # times the usual distance of a drawing: chosen by eye, and no measure of anything


@dataclass(frozen=True, slots=True)
class Start:
    """What all sliders start from.

    Attributes:
        picture: the picture in each class.
        label: the class it is taken as.
        code: the code, as text.
        own: whether it is the picture's code, or else a drawn one, or a link's.
    """

    picture: Reconstruction
    label: int
    code: str
    own: bool


def no_autoencoder(task: Task) -> None:
    """What stands in place of the page's parts where nothing can draw a task's pictures."""
    with st.container(border=True, key="no-generator"):
        st.markdown(
            f"**There is no generator of {task.title} here.** This view moves a picture through the latent space of a "
            "generative model, and draws what it finds there."
        )
        if task.key in {planned for planned, _ in AUTOENCODERS}:
            st.markdown("This command trains one, goes on where it was stopped, and this page shows it after a reload:")
            st.code(f"robustscope train-generator {task.key}", language="bash", wrap_lines=True)
        else:
            st.caption("No plan for training one ships for this task.")
        others = [key for key in session.models() if autoencoders.has_autoencoder(key)]
        st.markdown(
            "What the networks of this task answer, look at and find odd is on the other pages"
            + ("; this page can show it for:" if others else ".")
        )
        with st.container(horizontal=True):
            for key in others:
                st.button(
                    task_named(key).title, key=f"latent.task.{key}", on_click=session.set_field, args=("task", key)
                )


def warn_undrawn(task: Task, start: Start, shown: ModelInput, models: Sequence[str]) -> None:
    """Say that the generator can't draw a picture, and why, and offer a way out."""
    because = why_undrawn(task, start, shown, models) if start.own else ""
    if not because:
        return
    with st.container(border=True, key="undrawn"):
        st.warning(
            f"The generator can't draw this picture: {because}. What the sliders show is about the drawing.",
            icon=":material/broken_image:",
        )
        opening = openings.opening_of(task.key, "latent")
        with st.container(horizontal=True):
            st.button(
                "Draw a sample instead", key="latent.undrawn.sample", on_click=_take_sample,
                args=(task.key, task.class_names[start.label]),
            )  # fmt: skip
            if opening is not None and opening.picture != session.now().image:
                st.button(
                    "Take a picture that it can draw", key="latent.undrawn.opening", on_click=session.set_field,
                    args=("image", opening.picture),
                )  # fmt: skip


def why_undrawn(task: Task, start: Start, shown: ModelInput, models: Sequence[str]) -> str:
    """What speaks against the drawing of a picture, in words; empty where nothing does."""
    picture, label, usual = start.picture, start.label, usual_distance(task)
    if picture.distances[label] > FAR * usual:
        far = f"{picture.distances[label]:.3f} off (RMSE), where test images are {usual:.3f} off on average"
        return f"the drawing is {far}"
    drawn = replace(shown, x=picture.rebuilt[label][None], digest=f"{shown.digest} rebuilt as {label}")
    before, after = predictions.predictions_of(task, models, shown), predictions.predictions_of(task, models, drawn)
    if any(one.target == other.target for one, other in zip(before, after, strict=True)):
        return ""
    return "none of these networks gives its drawing the answer that it gives the picture"


def usual_distance(task: Task) -> float:
    """The root mean square by which the task's test images are drawn off, by the generator's card; else infinite."""
    figures = autoencoders.autoencoder(task.key).card.figures
    found = (row["value"] for row in figures if (row.get("metric"), row.get("of")) == ("mse", "reconstructions"))
    return float(next(found, np.inf)) ** 0.5


def start_of(task: Task, shown: ModelInput, part: LatentChoice) -> Start:
    """The code that the visitor starts from."""
    picture = reconstruction(task, shown)
    label = task.class_names.index(part.label) if part.label else picture.taken_as(shown.label)
    code = part.code or picture.codes[label]
    return Start(picture, label, code, code == picture.codes[label])


def position_of(task: Task, start: Start, part: LatentChoice, models: Sequence[str]) -> ResolvedPosition:
    """Where the visitor stands, and the networks asked there."""
    sha256 = autoencoders.autoencoder(task.key).card.sha256
    way = part.way(task, start.label)
    place = LatentPosition(task.key, sha256, start.code, start.label, way, part.draw, len(LEADING), part.at)
    return resolve(place, models)


def start_controls(task: Task, start: Start, true: int | None, place: LatentPosition) -> None:
    """Which class the code is of, codes from elsewhere, and what the sliders lead to.

    `true` is the picture's class, where it is known.
    """
    names = task.class_names
    marks = ((start.picture.proposal, "proposed"), (true, "true class"))
    said = {name: [word for label, word in marks if label == index] for index, name in enumerate(names)}
    key = f"latent.label.{task.key}"
    session.hold(key, names[start.label])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="latent-start"):
        st.selectbox(
            "Taken as the class",
            names,
            format_func=lambda name: name + (f" ({', '.join(said[name])})" if said[name] else ""),
            help="The generator draws one class at a time: by itself the picture's own, where that is known. Proposed: "
            "the class in which it rebuilds the picture best.",
            key=key,
            on_change=_take_label,
            args=(key, "" if start.own else start.code),
            width=240,
        )
        st.button(
            "Draw a sample", icon=":material/casino:", key="latent.sample", on_click=_take_sample,
            args=(task.key, names[start.label]), help="A random code of this class, from the generator's prior.",
        )  # fmt: skip
        if not start.own:
            st.button(
                "Back to the picture", icon=":material/undo:", key="latent.own", on_click=session.set_field,
                args=("start", (names[start.label], "")),
            )  # fmt: skip
        if any(session.page_choice(LatentChoice).at):
            st.button(
                "Sliders to rest", icon=":material/restart_alt:", key="latent.rest", on_click=session.set_field,
                args=("rest", None),
            )  # fmt: skip
        slider_controls(task, place)


def _take_label(key: str, code: str) -> None:
    session.set_field("start", (st.session_state[key], code))


def _take_sample(task: str, label: str) -> None:
    session.set_field("start", (label, autoencoders.sample_code(task, secrets.randbits(31))))


def now(task: Task, start: Start, here: ResolvedPosition, strip: DecodedRow) -> None:
    """The decoded picture, and where it came from."""
    label = task.class_names[start.label]
    tiles = [
        tile(data_url(x), kind, words, "rs-now" if kind == "now" else "")
        for kind, x, words in _pictures(task, start, here, strip)
    ]
    length = float(np.sqrt(np.square(strip.z[0]).mean()))
    st.html(
        f'<div class="rs-latent" data-here="{escape(label)}" data-image="{strip.image[0]:.4f}" '
        f'data-latent="{strip.latent[0]:.4f}">{"".join(tiles)}</div>'
        f'<div class="rs-small">From the start: <b>{strip.latent[0]:.2f}</b> in latent space (scaled; 1 is a deviation '
        f"of every number of the code), <b>{strip.image[0]:.3f}</b> in the picture (RMSE, black to white is 1). "
        f"The code is {length:.2f} times as long as usual.</div>"
    )


def _pictures(
    task: Task, start: Start, here: ResolvedPosition, strip: DecodedRow
) -> list[tuple[str, NDArray[np.float32], str]]:
    """The decoded picture and those that it came from: kind, pixels, words."""
    picture, at = start.picture, start.label
    shown = [("now", strip.x[0], f"now, drawn as {task.class_names[at]}")]
    if not start.own:
        return [*shown, ("rebuilt", results.row_at(here.at_rest()).x[0], "the code's own picture")]
    rebuilt = f"rebuilt, {picture.distances[at]:.3f} off (RMSE)"
    return [*shown, ("picture", picture.x, "the picture"), ("rebuilt", picture.rebuilt[at], rebuilt)]


def cells(task: Task, start: Start, here: ResolvedPosition, strip: DecodedRow) -> list[Cell]:
    """The same for a sheet; below the picture that is now, each network's answer."""
    now, *others = _pictures(task, start, here, strip)
    rest = [Cell(levels(x), words) for _, x, words in others]
    return [answered_cell(task, here.models, now[1], now[2], strip.probs[:, 0]), *rest]


def answers(task: Task, start: Start, here: ResolvedPosition, strip: DecodedRow) -> None:
    """Every network's answer to the decoded picture."""
    colours = ClassColours(task)
    st.html(
        '<div class="rs-says-all">'
        + "".join(
            answer_html(task, key, strip.probs[number, 0], start.label, colours)
            for number, key in enumerate(here.models)
        )
        + "</div>"
    )


def mini(task: Task, strip: slider_predictions.Strip, models: Sequence[str], colours: ClassColours) -> None:
    """The picture and the answers once more, small: on a narrow screen they stay in sight of the sliders."""
    answers = "".join(
        f'<b style="background: {colours[answer]}; --rs-colour: {model_colour(key)}">'
        f"{escape(task.class_names[answer])}</b>"
        for key, answer in zip(models, strip.predicted[:, 0].tolist(), strict=True)
    )
    with st.container(key="latent-mini"):
        st.html(f'<div class="rs-mini" aria-hidden="true"><img src="{data_url(strip.x[0])}" alt="">{answers}</div>')


def tile(url: str, kind: str, words: str, extra: str = "") -> str:
    """A picture with what it is."""
    return (
        f'<figure class="{extra}" data-tile="{kind}"><img src="{url}" alt="{escape(words)}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def answer_html(task: Task, key: str, probs: np.ndarray, label: int, colours: ClassColours) -> str:
    """A network's answer, large, with its most probable classes as bars; it is said where it is not `label`."""
    names, order = task.class_names, probs.argsort()[::-1][:TOP]
    bars = "".join(
        f'<li><span>{escape(hyphenated(names[index]))}</span><i><u style="width: {probs[index] * 100:.2f}%; '
        f'background: {colours[int(index)]}"></u></i><b>{percent(float(probs[index]))}</b></li>'
        for index in order
    )
    top = int(order[0])
    return (
        f'<section style="--rs-colour: {model_colour(key)}" data-answer="{escape(key)}" '
        f'data-class="{escape(names[top])}" data-share="{probs[top]:.4f}">'
        f'<div class="rs-answer"><small>{escape(model_name(key))}</small>'
        f'<span class="rs-class">{escape(names[top])}</span>'
        f"{'' if top == label else _OTHER}</div><ul>{bars}</ul></section>"
    )


_OTHER = '<span class="rs-verdict">another class</span>'


def sliders(task: Task, here: ResolvedPosition) -> None:
    """The sliders in two columns, each with its ribbon."""
    colours = ClassColours(task)
    st.html(slider_predictions.key_html(task, here.models, colours))
    columns = st.columns(2, gap="medium")
    ribbons = results.slider_ribbons(here)
    for which, (axis, way, strip) in enumerate(zip(AXES, here.directions, ribbons, strict=True)):
        with columns[2 * which // len(AXES)], st.container(key=f"slider-{axis}", gap=None):
            _slider(task, here.place, axis, way)
            st.html(slider_predictions.ribbon_html(task, strip, here.models, axis, here.place.at[which], colours))


def _slider(task: Task, place: LatentPosition, axis: str, way: Direction) -> None:
    low, high = RANGES[way.kind]
    title, more = axis_title(task, place, axis, way)
    st.slider(
        title, low, high, step=STEPS.get(axis, STEP), format="%.2f", help=more,
        **session.binding(axis, f"latent.{axis}"),
    )  # fmt: skip


def axis_title(task: Task, place: LatentPosition, axis: str, way: Direction) -> tuple[str, str]:
    """What a slider is called, and what it does."""
    unit = "Positions are in standard deviations of the prior."
    match axis:
        case "mix":
            alike = f"The picture's change resembles that of the label by {way.explained:.2f} (cosine; 1 is the same)."
            return (
                f"Towards {task.class_names[place.way]}",
                f"A step within the class, in that class's direction. {alike} {unit}",
            )
        case "decay":
            return "Decay", "The share of the code that is taken away; at 1 the class without any code is left."
        case "noise":
            return "Noise, ε", "Mixes the code with a random one, so that it stays as likely as it was."
        case _:
            number = LEADING.index(axis) + 1
            rank = "most" if number == 1 else f"most but {number - 1}"
            return (
                f"Direction {number}",
                f"Where the picture changes {rank}: by {way.change:.3f} (RMSE) a deviation, at the start. {unit}",
            )


def slider_controls(task: Task, place: LatentPosition) -> None:
    """Where the class slider leads to, and which noise."""
    names = task.class_names
    key = f"latent.towards.{task.key}"
    session.hold(key, names[place.way])
    st.selectbox(
        "The class slider leads towards",
        [name for index, name in enumerate(names) if index != place.label],
        key=key,
        on_change=lambda: session.set_field("towards", st.session_state[key]),
        width=240,
    )
    st.button(
        "Other noise", icon=":material/casino:", key="latent.draw", on_click=session.set_field,
        args=("draw", place.draw % MOST_DRAWS + 1),
    )  # fmt: skip


def guide(task: Task) -> None:
    """How to read sliders and ribbons."""
    how_to_read(
        "Each strip under a slider belongs to one network, in the order and colour named above: it is coloured by the "
        "class that the network would answer if you moved this slider there and left the others. The line is where you "
        "stand; the small pictures show both ends. All along, the generator draws the same class: where a strip turns "
        "to another, either the network errs or the picture has left its class. Look at it and judge. Of "
        f"{POSITIONS} places a network is asked at about half, wherever its answer turns or could; a class that shows "
        "for a moment between them may be missed.",
        "Buzhinsky, Nerinovsky, Tripakis 2020, arXiv:2003.01993; directions: singular vectors of the decoder's change.",
    )
