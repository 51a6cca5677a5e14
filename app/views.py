"""Figures: engine results in, Streamlit elements out. Nothing here computes a result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from app import maps
from app.cache import Fitted
from app.colours import gradient_css, model_colour
from app.dials import radius_text
from app.names import model_name
from core.data.tasks import Task
from core.explanations.challenge import Challenge
from core.explanations.look import Look
from core.models.zoo import Card
from core.reports.accuracy import attacked_in_words

STYLE = Path(__file__).resolve().parents[1] / "assets" / "style" / "app.css"
TOP = 5


@dataclass(frozen=True, slots=True)
class MapForm:
    """How gradient maps are drawn.

    Attributes:
        over: over the grey picture, or alone.
        opacity: of the strongest values of a map over the picture, in [0, 1].
        shared: one scale for all maps side by side, or one for each.
    """

    over: bool = False
    opacity: float = 0.8
    shared: bool = True


def style() -> None:
    """The little CSS that config.toml can't say. Every page calls this first."""
    _through_the_entry()
    st.html(STYLE)


def _through_the_entry() -> None:
    """Have the entry run around this page.

    Because of the folder's name, Streamlit runs a file in `pages` by itself, without the entry's navigation and wide
    layout, until the entry has run once on this server; so a link to a page may be what it sees first.
    """
    if PagesManager.uses_pages_directory and not st.session_state.get("entry.seen"):
        PagesManager.uses_pages_directory = False
        st.session_state["entry.seen"] = True  # a test's server forgets, and a second rerun would lose a click
        st.rerun()


def how_to_read(text: str, source: str) -> None:
    """A short guide under a figure, with where its method comes from."""
    st.html(f'<div class="rs-guide"><b>How to read this.</b> {escape(text)} <i>{escape(source)}</i></div>')


def no_zoo(folder: Path) -> None:
    """What a visitor sees where there are no models at all."""
    with st.container(border=True):
        st.subheader("No networks here yet")
        st.markdown(
            "Robustscope compares trained classifiers, and this server's zoo is empty. Make the networks that ship by "
            "`make models`, or train one: `robustscope train cifar10 standard`. Then reload this page."
        )
        st.caption(f"Looked for model cards in {escape(folder.name)}/<task>/.")


def summary(task: Task, models: Sequence[str] = ()) -> None:
    """What is looked at in one line, on narrow screens only, where the side panel is folded away."""
    shown = " · ".join([task.title, " | ".join(model_name(key) for key in models)] if models else [task.title])
    st.html(f'<div class="rs-narrow">{escape(shown)}. Side panel (top left) to change.</div>')


def notes(sentences: Sequence[str]) -> None:
    """What the link asked for and could not have."""
    if sentences:
        st.warning("  \n".join(sentences), icon=":material/link_off:")


def picture(task: Task, shown: Fitted) -> None:
    """The original beside what the models get of it."""
    channels, height, width = task.shape
    truth = f" True class: **{task.class_names[shown.label]}**." if shown.label is not None else ""
    kind = "grey" if channels == 1 else "colour"
    row = st.container(horizontal=True, wrap=False, gap="medium", key="pair-picture")
    with row.container(key="original-smooth" if max(shown.size) > 2 * max(height, width) else "original-sharp"):
        show_png(shown.original, f"{shown.title}, the original")
        st.caption(f"**{escape(shown.title)}**, {shown.size[0]} × {shown.size[1]} pixels ({shown.source})")
    with row.container(key="seen"):
        show_png(maps.enlarged(shown.x[0]), f"{shown.title}, as the networks see it")
        st.caption(f"**What the networks see**: {width} × {height} {kind} pixels, each enlarged to a square.{truth}")
    for note in shown.notes:
        st.caption(f":material/info: {note}")


def _head(card: Card) -> None:
    """A model's name, colour and measured figures, and what its card says must be known beside them."""
    lines = "<br>".join(escape(line) for line in figures(card))
    note = f'<div class="rs-note">{escape(card.note)}</div>' if card.note else ""
    st.html(
        f'<div class="rs-head" style="--rs-colour: {model_colour(card.key)}" data-model="{escape(card.key)}">'
        f'<div class="rs-name">{escape(model_name(card.key))}<span class="rs-key">{escape(card.key)}</span></div>'
        f'<div class="rs-figures">{lines}</div>{note}</div>'
    )


def figures(card: Card) -> list[str]:
    """The card's figures in words: a line for clean images and one for each attack, or that nothing was measured."""
    rows = [row for row in card.figures if _complete(row)]
    if not rows:
        return ["Accuracy not measured"]
    settings = card.measured.get("settings", {})
    steps = settings.get("steps") if isinstance(settings, Mapping) else None
    attack = f"PGD-{steps}" if isinstance(steps, int) else "PGD"
    clean = rows[0]
    lines = [f"{clean['clean']:.1%} right on clean test images (n = {clean['clean_n']:,})"]
    for row in rows:
        radius = radius_text(str(row["norm"]), row["epsilon"])
        lines.append(f"{row['robust']:.1%} under {attack} at {radius} ({attacked_in_words(row)})")
    return [line.replace("%", " %") for line in lines]


def _complete(row: Mapping[str, Any]) -> bool:
    """Whether a figure of a card, which may come from anywhere, can be shown."""
    numbers = ("clean", "clean_n", "robust", "robust_n", "epsilon")
    return all(isinstance(row.get(name), int | float) for name in numbers) and isinstance(row.get("norm"), str)


def looks(task: Task, results: Sequence[Look], cards: Sequence[Card], form: MapForm) -> None:
    """One column a model: its figures, its answer, its five most probable classes, its gradient map."""
    shared = maps.scale(results)
    for column, result, card in zip(_columns(len(results)), results, cards, strict=True):
        with column:
            _head(card)
            _answer(task, result)
            _bars(task, result)
            _gradient_map(task, result, shared, form)


def look_guide() -> None:
    """How to read the columns above."""
    how_to_read(
        "A bar is the softmax probability of a class. In the map, orange pixels raise the answer's score when they get "
        "brighter, purple pixels lower it, white ones hardly matter. The shade grows with the square root of the "
        "value. Maps of robust networks tend to be weaker, and to follow the shape of the object: give each its own "
        "colour scale (side panel) to see it.",
        "Input gradients: Simonyan et al. 2014, arXiv:1312.6034; those of robust networks: Tsipras et al. 2019, "
        "arXiv:1805.12152.",
    )


def _answer(task: Task, look: Look) -> None:
    """The predicted class and its probability, large."""
    name = task.class_names[look.target]
    st.html(
        f'<div class="rs-answer" style="--rs-colour: {model_colour(look.model)}" data-answer="{escape(look.model)}" '
        f'data-class="{escape(name)}"><span class="rs-class">{escape(name)}</span>'
        f'<span class="rs-share">{percent(look.probs[look.target])}</span></div>'
    )


def _bars(task: Task, look: Look) -> None:
    """The five largest probabilities as bars on the same scale, 0 to 100 %."""
    order = look.probs.argsort()[::-1][:TOP]
    shares = [float(look.probs[index]) * 100 for index in order]
    names = [task.class_names[index] for index in order]
    figure = go.Figure(
        go.Bar(
            x=shares,
            y=names,
            orientation="h",
            text=[percent(share / 100) for share in shares],
            textposition="outside",
            textfont={"size": 15, "color": ink()},
            cliponaxis=False,
            marker={"color": model_colour(look.model), "opacity": [1.0] + [0.55] * (len(order) - 1)},
            hovertemplate="%{y}: %{x:.2f} %<extra></extra>",
        )
    )
    figure.update_layout(
        height=190, margin={"l": 96, "r": 56, "t": 0, "b": 0}, bargap=0.28, showlegend=False, dragmode=False
    )
    figure.update_xaxes(range=[0, 100], visible=False, fixedrange=True)
    figure.update_yaxes(
        autorange="reversed",
        tickfont={"size": 15, "color": ink()},
        ticklabelstandoff=6,
        automargin=False,
        fixedrange=True,
        title=None,
        showgrid=False,
    )
    summary = ", ".join(f"{name} {percent(share / 100)}" for name, share in zip(names, shares, strict=True))
    st.plotly_chart(
        figure,
        width="stretch",
        height=190,
        config={"displayModeBar": False},
        key=f"bars-{look.model}",
        alt=f"Most probable classes: {summary}",
    )


def _gradient_map(task: Task, look: Look, shared: float, form: MapForm) -> None:
    """The signed input gradient, alone or over the grey image, with its scale and how it compares."""
    scale = shared if form.shared else maps.scale([look])
    png = maps.overlay(look.heatmap, look.x, scale, form.opacity) if form.over else maps.signed_map(look.heatmap, scale)
    name = task.class_names[look.target]
    show_png(png, f"Input gradient of {name} in {model_name(look.model)}")
    strongest = maps.scale([look])
    weaker = f", {shared / strongest:.0f} times less than in the strongest map" if shared >= 1.5 * strongest else ""
    full, half_way = two_figures(scale), two_figures(scale / 4)  # the shade is a square root
    st.html(
        f'<div class="rs-scale"><i style="background: {gradient_css()}"></i>'
        f"<span><b>−{full}</b><b>−{half_way}</b><b>0</b><b>+{half_way}</b><b>+{full}</b></span></div>"
        f'<div class="rs-small">Strongest pixel: {two_figures(strongest)} logits from black to white{weaker}</div>'
    )


def challenges(task: Task, results: Sequence[Challenge]) -> None:
    """One column a model: its answer after the attack, the attacked image and the change, amplified alike for all."""
    factor = maps.amplification([result.delta for result in results])
    for column, result in zip(_columns(len(results)), results, strict=True):
        with column:
            _challenged(task, result, factor)


def _challenged(task: Task, result: Challenge, factor: int) -> None:
    before, after = task.class_names[result.before], task.class_names[result.after]
    changed = result.before != result.after
    colour, name = model_colour(result.model), model_name(result.model)
    st.html(
        f'<div class="rs-head" style="--rs-colour: {colour}"><span class="rs-name">{escape(name)}</span></div>'
        f'<div class="rs-answer" style="--rs-colour: {colour}" data-attacked="{escape(result.model)}" '
        f'data-before="{escape(before)}" data-after="{escape(after)}"><span class="rs-class">{escape(after)}</span>'
        f'<span class="rs-share">{percent(result.probs_adv[result.after])}</span>'
        f'<span class="rs-verdict{" rs-changed" if changed else ""}">{"changed" if changed else "kept"}</span></div>'
        f'<div class="rs-small">{escape(before)}: {percent(result.probs[result.before])} before, '
        f"{percent(result.probs_adv[result.before])} after the attack</div>"
    )
    with st.container(horizontal=True, wrap=False, gap="small", key=f"pair-{result.model}"):
        show_png(maps.enlarged(result.x_adv), f"Attacked image for {name}")
        show_png(maps.amplified(result.delta, factor), f"Its change, amplified {factor} times around grey")
    st.html(
        f'<div class="rs-small">Left: attacked image. Right: the change × {factor}. '
        f"Largest change {result.linf * 255:.1f}/255, L2 {result.l2:.2f}</div>"
    )


def challenge_guide(radius: str, steps: int) -> None:
    """How to read the columns above."""
    how_to_read(
        f"Each network is attacked on its own: PGD with {steps} steps looks for the change, at most {radius}, that "
        "most lowers the probability of its first answer. At 0 nothing changes. Grey in the right picture is no "
        "change. An answer that is kept here is no proof that no attack exists.",
        "Madry et al. 2018, arXiv:1706.06083; random start from seed 0, step 2.5 ε / k, pixels kept in [0, 1].",
    )


def percent(share: float) -> str:
    """A share as a percentage with one decimal."""
    return f"{share * 100:.1f} %"


def two_figures(value: float) -> str:
    """A number of at least 0 with two significant figures, never in powers of ten: 290, 3.1, 0.0024."""
    return np.format_float_positional(float(f"{value:.1e}"), trim="-")


def ink() -> str:
    """The visitor's text colour: the chart's own grey is too faint for the back row."""
    theme = "dark" if st.context.theme.type == "dark" else "light"
    return str(st.get_option(f"theme.{theme}.textColor"))


def show_png(data: bytes, description: str) -> None:
    """A picture across its column, never as JPEG: that would change pixels by more than an attack does."""
    st.image(data, width="stretch", output_format="PNG", alt=description)


def _columns(count: int) -> Sequence[Any]:
    return st.columns(count, gap="medium")
