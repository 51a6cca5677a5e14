"""Film strips of the smallest change that fools: a row a network, what it needs, and whether it fools the others."""

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from app.latent.search import SEARCH, LatentFoolingResult
from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.data_urls import data_url
from app.ui.elements import how_to_read, percent
from core.data.tasks import Task
from core.latent.finish import ROUNDS
from core.latent.noise import typical_norm


def films(task: Task, found: Sequence[LatentFoolingResult], centre: float) -> None:
    """A row a network."""
    factor = amplification(found)
    st.html(f'<div class="rs-films">{"".join(_section(task, one, found, centre, factor) for one in found)}</div>')


def amplification(found: Sequence[LatentFoolingResult]) -> int:
    """How changes are amplified, alike for all: nearly all values stay within the range."""
    largest = max(float(np.quantile(np.abs(one.found.x_adv - one.found.x_decayed), 0.99)) for one in found)
    return max(1, int(0.5 / largest)) if largest > 0 else 1


def headline(task: Task, one: LatentFoolingResult) -> tuple[str, str]:
    """A network's first and last answer, and what came of it."""
    before, after = (task.class_names[one.answers[end]] for end in (0, -1))
    found = bool(one.found.found[0])
    verdict = ("fooled" if found else "not fooled") if one.right else "wrong before"
    return (f"{before} → {after}" if found else before), verdict


def _section(
    task: Task, one: LatentFoolingResult, others: Sequence[LatentFoolingResult], centre: float, factor: int
) -> str:
    title, verdict = headline(task, one)
    found = one.found
    marks = (
        f'data-fooled="{escape(one.model)}" data-found="{bool(found.found[0])}" data-right="{one.right}" '
        f'data-norm="{float(found.norm[0]):.4f}"'
    )
    return (
        f'<section style="--rs-colour: {model_colour(one.model)}" {marks}><div class="rs-head">'
        f'<span class="rs-name">{escape(model_name(one.model))}</span></div>'
        f'<div class="rs-answer"><span class="rs-class">{escape(title)}</span>'
        f'<span class="rs-verdict{" rs-changed" if verdict == "fooled" else ""}">{verdict}</span></div>'
        f'<div class="rs-film">{_frames(task, one)}{_difference(one, factor)}</div>'
        f'<div class="rs-small">{_numbers(task, one, centre)}</div>'
        f'<div class="rs-passed-on">{_passed_on(task, one, others)}</div></section>'
    )


def _frames(task: Task, one: LatentFoolingResult) -> str:
    """The pictures on the way; those that are answered otherwise than the first are framed."""
    frames = []
    for number, (x, answer) in enumerate(zip(one.film.x, one.answers, strict=True)):
        name, mark = escape(task.class_names[answer]), ' class="rs-wrong"' if answer != one.answers[0] else ""
        share = percent(float(one.film.probs[one.number, number, answer]))
        frames.append(
            f'<figure{mark}><img src="{data_url(x)}" alt="Step {number}: {name}">'
            f"<figcaption><b>{name}</b> {share}</figcaption></figure>"
        )
    return "".join(frames)


def _difference(one: LatentFoolingResult, factor: int) -> str:
    change = (0.5 + factor * (one.found.x_adv[0] - one.found.x_decayed[0])).astype(np.float32)
    caption = f"the change × {factor}"
    return f'<figure><img src="{data_url(change)}" alt="The change"><figcaption>{caption}</figcaption></figure>'


def _numbers(task: Task, one: LatentFoolingResult, centre: float) -> str:
    """How far the search had to go."""
    found = one.found
    start = ""
    if not one.right:
        start = (
            f"What is drawn as {escape(task.class_names[one.label])} it takes for "
            f"{escape(task.class_names[one.answers[0]])} before anything changes; this is the nearest change of that. "
        )
    if not found.found[0]:
        start += f"Nothing was found within {found.settings['rho']:g}. Where the first run ended: "
    usual = f" (random noise of ε = {centre:g} moves it by {typical_norm(centre):.2f})" if centre else ""
    way = "longer, so less likely" if found.outward[0] > 0 else "shorter, so no less likely"
    return (
        f"{start}<b>{float(found.norm[0]):.3f}</b> in latent space{usual}; the code becomes {way} "
        f"({float(found.outward[0]):+.3f}). In the picture: <b>{float(found.l2[0]):.3f}</b> (RMSE), "
        f"{float(found.l1[0]):.3f} (mean size)."
    ).replace("(-", "(−")


def _passed_on(task: Task, one: LatentFoolingResult, others: Sequence[LatentFoolingResult]) -> str:
    """What the other networks say of the picture that fools this one."""
    if not one.found.found[0] or len(others) < 2:
        return ""
    said = []
    for other in others:
        if other.model != one.model:
            answer = int(one.film.predicted[other.number, -1])
            verdict = "fooled, too" if one.fools(other.number) else "not fooled"
            said.append(
                f'<span data-passed="{escape(other.model)}" data-fools="{one.fools(other.number)}">'
                f'<i style="background: {model_colour(other.model)}"></i>{escape(model_name(other.model))}: '
                f"<b>{escape(task.class_names[answer])}</b> ({verdict if other.right else 'wrong before'})</span>"
            )
    return f"Shown to the others: {''.join(said)}"


def guide() -> None:
    """How to read the films."""
    how_to_read(
        "From left to right the code goes straight from where the search starts to the nearest code found that the "
        "network answers with another class; framed pictures are answered so. Look at the last one: if it still shows "
        "the class, the network errs; if not, the generator drew something else. Distances in latent space are scaled: "
        "1 is a standard deviation of every number of the code. A network that is hard to fool with small changes of "
        "pixels need not have a longer way here, but tends to need a larger change of the picture.",
        f"Buzhinsky et al. 2020, arXiv:2003.01993: {SEARCH.restarts} runs of {SEARCH.steps} steps within a shrinking "
        "radius. Ours: steps follow logits (the paper's: probabilities), and the end, bisection and "
        f"{ROUNDS} rounds towards the nearest edge, edges taken for planes.",
    )
