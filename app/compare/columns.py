"""The columns of the Compare page: engine results in, Streamlit elements out."""

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.compare.controls import MapForm
from app.state.names import model_name
from app.ui import map_png
from app.ui.colours import gradient_css, model_colour
from app.ui.elements import figures_in_words, how_to_read, ink, percent, show_png, two_figures
from core.data.tasks import Task
from core.explanations.attack_result import AttackResult
from core.explanations.prediction import Prediction
from core.models.zoo import Card

TOP = 5


def _head(card: Card) -> None:
    """A model's name, colour and measured figures, and what its card says must be known beside them."""
    lines = "<br>".join(escape(line) for line in figures_in_words(card))
    note = f'<div class="rs-note">{escape(card.note)}</div>' if card.note else ""
    st.html(
        f'<div class="rs-head" style="--rs-colour: {model_colour(card.key)}" data-model="{escape(card.key)}">'
        f'<div class="rs-name">{escape(model_name(card.key))}<span class="rs-key">{escape(card.key)}</span></div>'
        f'<div class="rs-figures">{lines}</div>{note}</div>'
    )


def looks(task: Task, results: Sequence[Prediction], cards: Sequence[Card], form: MapForm) -> None:
    """One column a model: its figures, its answer, its five most probable classes, its gradient map."""
    shared = map_png.scale(results)
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


def _answer(task: Task, look: Prediction) -> None:
    """The predicted class and its probability, large."""
    name = task.class_names[look.target]
    st.html(
        f'<div class="rs-answer" style="--rs-colour: {model_colour(look.model)}" data-answer="{escape(look.model)}" '
        f'data-class="{escape(name)}"><span class="rs-class">{escape(name)}</span>'
        f'<span class="rs-share">{percent(look.probs[look.target])}</span></div>'
    )


def _bars(task: Task, look: Prediction) -> None:
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


def _gradient_map(task: Task, look: Prediction, shared: float, form: MapForm) -> None:
    """The signed input gradient, alone or over the grey image, with its scale and how it compares."""
    scale = shared if form.shared else map_png.scale([look])
    png = (
        map_png.overlay(look.heatmap, look.x, scale, form.opacity)
        if form.over
        else map_png.signed_map(look.heatmap, scale)
    )
    name = task.class_names[look.target]
    show_png(png, f"Input gradient of {name} in {model_name(look.model)}")
    strongest = map_png.scale([look])
    weaker = f", {shared / strongest:.0f} times less than in the strongest map" if shared >= 1.5 * strongest else ""
    full, half_way = two_figures(scale), two_figures(scale / 4)  # the shade is a square root
    st.html(
        f'<div class="rs-scale"><i style="background: {gradient_css()}"></i>'
        f"<span><b>−{full}</b><b>−{half_way}</b><b>0</b><b>+{half_way}</b><b>+{full}</b></span></div>"
        f'<div class="rs-small">Strongest pixel: {two_figures(strongest)} logits from black to white{weaker}</div>'
    )


def challenges(task: Task, results: Sequence[AttackResult]) -> None:
    """One column a model: its answer after the attack, the attacked image and the change, amplified alike for all."""
    factor = map_png.amplification([result.delta for result in results])
    for column, result in zip(_columns(len(results)), results, strict=True):
        with column:
            _challenged(task, result, factor)


def _challenged(task: Task, result: AttackResult, factor: int) -> None:
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
        show_png(map_png.enlarge(result.x_adv), f"Attacked image for {name}")
        show_png(map_png.amplify(result.delta, factor), f"Its change, amplified {factor} times around grey")
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


def _columns(count: int) -> Sequence[Any]:
    return st.columns(count, gap="medium")
