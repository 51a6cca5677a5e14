"""The columns of the Compare page: engine results in, Streamlit elements out."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from app.compare.choice import CompareChoice
from app.state import device, zoo
from app.state.names import model_name
from app.ui import map_png
from app.ui.colours import gradient_css, model_colour
from app.ui.elements import figures_in_words, how_to_read, no_gradients, percent, show_png, two_figures, weaker
from core.data.tasks import Task
from core.explanations.attack_result import AttackResult
from core.explanations.prediction import Prediction
from core.models.zoo import Card
from core.text import escape_markdown, hyphenated

TOP = 5


def _head(card: Card) -> None:
    """A model's name and colour."""
    st.html(
        f'<div class="rs-head" style="--rs-colour: {model_colour(card.key)}" data-model="{escape(card.key)}">'
        f'<div class="rs-name">{escape(model_name(card.key))}<span class="rs-key">{escape(card.key)}</span></div></div>'
    )


def _figures(card: Card) -> None:
    """What was measured of a model, and what its card says must be known beside it."""
    lines = "<br>".join(escape(line) for line in figures_in_words(card))
    note = f'<div class="rs-note">{escape(card.note)}</div>' if card.note else ""
    st.html(
        f'<div class="rs-figures" style="--rs-colour: {model_colour(card.key)}" '
        f'data-figures="{escape(card.key)}">{lines}{note}</div>'
    )


def looks(
    task: Task,
    results: Sequence[Prediction],
    cards: Sequence[Card],
    form: CompareChoice,
    withheld: Mapping[str, str],
) -> None:
    """One column a model: its answer, its gradient map, its five most probable classes, its figures.

    `withheld` says by model why its answer is not shown.
    """
    shared = map_png.scale(results)
    for column, result, card in zip(_columns(len(results), "looks"), results, cards, strict=True):
        with column:
            _head(card)
            if result.model in withheld:
                _no_answer(result.model, withheld[result.model])
            else:
                _answer(task, result)
                _gradient_map(task, result, shared, form)
                _bars(task, result)
            _figures(card)


def look_guide() -> None:
    """How to read the columns above."""
    how_to_read(
        "A bar is the softmax probability of a class. In the map, orange pixels raise the answer's score when they get "
        "brighter, purple pixels lower it, white ones hardly matter. The shade grows with the square root of the "
        "value. Maps of robust networks tend to be weaker, and to follow the shape of the object: on a colour scale of "
        "its own each shows its shape, on a shared one they show how strong they are.",
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


def _no_answer(key: str, reason: str) -> None:
    """What stands in place of an answer that is withheld."""
    st.html(
        f'<div class="rs-answer" data-withheld="{escape(key)}"><span class="rs-withheld">no answer</span></div>'
        f'<div class="rs-small">{escape(reason)}</div>'
    )


def _bars(task: Task, look: Prediction) -> None:
    """The five largest probabilities as bars on the same scale, 0 to 100 %."""
    rows = ""
    for index in look.probs.argsort()[::-1][:TOP]:
        share = float(look.probs[index])
        rows += (
            f"<li><span>{escape(hyphenated(task.class_names[index]))}</span>"
            f'<i><u style="width: {share * 100:.2f}%"></u></i><b>{percent(share)}</b></li>'
        )
    st.html(f'<ul class="rs-bars" style="--rs-colour: {model_colour(look.model)}">{rows}</ul>')


def _gradient_map(task: Task, look: Prediction, shared: float, form: CompareChoice) -> None:
    """The signed input gradient, alone or over the grey image, with its scale and how it compares."""
    if look.attributions is None:
        no_gradients([look.model])
        return
    scale = shared if form.shared else map_png.scale([look])
    png = map_png.drawn_map(look, scale, form.over, form.opacity)
    name = task.class_names[look.target]
    with st.container(key=f"map-{look.model}"):
        show_png(png, f"Input gradient of {name} in {model_name(look.model)}")
    strongest = map_png.scale([look])
    full, half_way = two_figures(scale), two_figures(scale / 4)  # the shade is a square root
    st.html(
        f'<div class="rs-small" data-weaker="{escape(look.model)}"><b>{weaker(shared, strongest)}</b>: strongest pixel '
        f"{two_figures(strongest)} logits from black to white</div>"
        f'<div class="rs-scale"><i style="background: {gradient_css()}"></i>'
        f"<span><b>−{full}</b><b>−{half_way}</b><b>0</b><b>+{half_way}</b><b>+{full}</b></span></div>"
    )


def challenges(task: Task, results: Sequence[AttackResult], part: str = "attacked") -> None:
    """One column a model: its answer after the attack, the attacked image and the change, amplified alike for all.

    `part` tells this part of the page from another of its kind.
    """
    factor = map_png.amplification([result.delta for result in results])
    for column, result in zip(_columns(len(results), part), results, strict=True):
        with column:
            _challenged(task, result, factor, part)


def _challenged(task: Task, result: AttackResult, factor: int, part: str) -> None:
    before, after = task.class_names[result.before], task.class_names[result.after]
    changed = result.before != result.after
    colour, name = model_colour(result.model), model_name(result.model)
    st.html(
        f'<div class="rs-head" style="--rs-colour: {colour}"><span class="rs-name">{escape(name)}</span></div>'
        f'<div class="rs-answer" style="--rs-colour: {colour}" data-{part}="{escape(result.model)}" '
        f'data-before="{escape(before)}" data-after="{escape(after)}"><span class="rs-class">{escape(after)}</span>'
        f'<span class="rs-share">{percent(result.probs_adv[result.after])}</span>'
        f'<span class="rs-verdict{" rs-changed" if changed else ""}">{"changed" if changed else "kept"}</span></div>'
        f'<div class="rs-small">{escape(before)}: {percent(result.probs[result.before])} before, '
        f"{percent(result.probs_adv[result.before])} after the attack</div>"
    )
    with st.container(horizontal=True, wrap=False, gap="small", key=f"pair-{part}-{result.model}"):
        show_png(map_png.enlarge(result.x_adv), f"Attacked image for {name}")
        show_png(map_png.amplify(result.delta, factor), f"Its change, amplified {factor} times around grey")
    st.html(
        f'<div class="rs-small">Left: attacked image. Right: the change × {factor}. '
        f"Largest change {result.linf * 255:.1f}/255, L2 {result.l2:.2f}</div>"
    )


def searched(task: Task, keys: Sequence[str], queries: int) -> None:
    """Which networks were attacked by random search, for they have no gradients."""
    sharp = zoo.with_gradients(task.key, keys)
    if blunt := [model_name(key) for key in keys if key not in sharp]:
        st.caption(
            f"**{escape_markdown(', '.join(blunt))}** has no gradients: in place of PGD, the Square attack asked it "
            f"{queries} times (Andriushchenko et al. 2020, arXiv:1912.00049). It finds less."
        )


def challenge_guide(radius: str, steps: int) -> None:
    """How to read the columns above."""
    how_to_read(
        f"Each network is attacked on its own: PGD with {steps} steps looks for the change, at most {radius}, that "
        "most lowers the probability of its first answer. At 0 nothing changes. Grey in the right picture is no "
        "change. An answer that is kept here is no proof that no attack exists.",
        "Madry et al. 2018, arXiv:1706.06083; random start from seed 0, step 2.5 ε / k, pixels kept in [0, 1]."
        + device.steps_in_words(),
    )


def _columns(count: int, part: str) -> Sequence[Any]:
    with st.container(key=f"networks-{part}"):
        return st.columns(count, gap="medium")
