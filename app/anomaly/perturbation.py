"""The picture attacked or corrupted, step by step: when does the profile leave the band, and who notices?"""

from collections.abc import Mapping
from html import escape

import numpy as np
import streamlit as st

from app.anomaly import figures, results
from app.anomaly.choice import AnomalyChoice
from app.anomaly.layers import layers, references
from app.anomaly.names import change_title, share_text, strength_text
from app.anomaly.verdicts import chip
from app.state import judgements, session
from app.state.errors import guard
from app.state.names import model_name
from app.state.pictures import ModelInput
from app.ui import charts, map_png
from app.ui.colours import model_colour
from app.ui.elements import how_to_read, ink, percent, show_png
from core.anomaly.catalogue import DETECTORS
from core.anomaly.reference import Reference
from core.anomaly.verdict import Verdict, changes, is_attack, strengths
from core.attacks.catalogue import ATTACKS
from core.data.tasks import Task


def controls(task: Task) -> None:
    """What is done to the picture, and how far."""
    part = session.page_choice(AnomalyChoice)
    left, right = st.columns([1, 2.4], gap="large", vertical_alignment="bottom")
    left.selectbox("Do to the picture", changes(), format_func=change_title, **session.binding("push", "anomaly.push"))
    part = session.page_choice(AnomalyChoice)
    right.select_slider(
        "How far" + (" (largest change of a pixel, ε, L∞)" if is_attack(part.push) else ""),
        list(range(len(strengths(task, part.push)))),
        format_func=lambda step: strength_text(task, part.push, step),
        **session.binding("step", f"anomaly.step.{task.key}.{is_attack(part.push)}"),
    )


def sweeps(task: Task, shown: ModelInput) -> dict[str, Verdict]:
    """By calibrated network the picture at each strength, with a bar while they are made."""
    part = session.page_choice(AnomalyChoice)
    found: dict[str, Verdict] = {}
    models = [key for key in session.now().models if judgements.calibration_of(task.key, key) is not None]
    place = st.empty()
    for number, key in enumerate(models):
        place.progress(number / len(models), f"{change_title(part.push)}: network {number + 1} of {len(models)}")
        with guard():
            one = judgements.judgements_of(task, key, shown, part.push)
            if one is not None:
                found[key] = one
    place.empty()
    return found


def columns(task: Task, shown: ModelInput, found: Mapping[str, Verdict]) -> None:
    """A column a network: the changed picture, its answer, the verdict, and the profile before and now."""
    part = session.page_choice(AnomalyChoice)
    known = references(task, list(found))
    squared = {key: results.norms(task, key, f"{shown.digest} {part.push}", found[key].x, part.probe) for key in known}
    values = {key: one.values(squared[key]) for key, one in known.items()}
    span = figures.span_of([*values.values(), *(one.band for one in known.values())]) if known else (0.0, 1.0)
    factor = map_png.amplification([one.x[part.step] - one.x[0] for one in found.values()])
    for place, (key, one) in zip(st.columns(len(found), gap="medium"), found.items(), strict=True):
        with place:
            _column(task, one, part, factor)
            if key in known:
                _profile(task, key, known[key], values[key], part, span)


def _column(task: Task, one: Verdict, part: AnomalyChoice, factor: int) -> None:
    before, now = int(one.probs[0].argmax()), int(one.probs[part.step].argmax())
    colour, name = model_colour(one.model), model_name(one.model)
    p_values = one.p_values.get(part.detector)
    p_value = float(p_values[part.step]) if p_values is not None else 1.0
    flagged = p_value <= part.alpha
    st.html(
        f'<div class="rs-head" style="--rs-colour: {colour}"><span class="rs-name">{escape(name)}</span></div>'
        f'<div class="rs-answer" style="--rs-colour: {colour}" data-pushed="{escape(one.model)}" '
        f'data-p="{p_value:.4f}" data-flagged="{flagged}" data-kept="{before == now}">'
        f'<span class="rs-class">{escape(task.class_names[now])}</span>'
        f'<span class="rs-share">{percent(one.probs[part.step, now])}</span>'
        f'</div><div class="rs-chip">{chip(flagged)}</div>'
        f'<div class="rs-small">{DETECTORS[part.detector].name}: as odd as {share_text(p_value)} of normal pictures; '
        f"{len(one.flags(part.alpha, part.step))} of {len(one.p_values)} detectors flag it</div>"
    )
    with st.container(horizontal=True, wrap=False, gap="small", key=f"pair-push-{one.model}"):
        show_png(map_png.enlarge(one.x[part.step]), f"The picture now, for {name}")
        show_png(map_png.amplify(one.x[part.step] - one.x[0], factor), f"Its change, amplified {factor} times")
    st.html(f'<div class="rs-small">Right: the change × {factor}</div>')


def _profile(
    task: Task, key: str, one: Reference, values: np.ndarray, part: AnomalyChoice, span: tuple[float, float]
) -> None:
    names = [name for name, counts in zip(layers(task, key), one.chosen, strict=True) if counts]
    now = values[part.step]
    outside = int(((now < one.band[0]) | (now > one.band[2])).sum())
    figure = figures.profile(names, one.band, now, span, key, ink(), values[0] if part.step else None)
    said = f"{outside} of {len(names)} layers outside of the band"
    charts.show(figure, key=f"anomaly-pushed-{key}", alt=f"{model_name(key)}: {said}")


def course(task: Task, found: Mapping[str, Verdict]) -> None:
    """How odd the chosen detector finds the picture at each strength, a line a network."""
    part = session.page_choice(AnomalyChoice)
    p_values = {key: one.p_values[part.detector] for key, one in found.items() if part.detector in one.p_values}
    if not p_values:
        return
    words = [strength_text(task, part.push, step) for step in range(len(strengths(task, part.push)))]
    least = min(1 / (int(str(one.settings["p_value_images"])) + 1) for one in found.values())
    st.html(f'<div class="rs-chart">How odd {escape(DETECTORS[part.detector].name)} finds it, step by step</div>')
    said = "; ".join(
        f"{model_name(key)} " + ", ".join(share_text(float(p_value)) for p_value in each)
        for key, each in p_values.items()
    )
    figure = figures.course(p_values, words, part.step, part.alpha, least, ink())
    charts.show(figure, key="anomaly-course", alt=f"Shares of normal pictures as odd: {said}")


def guide() -> None:
    """How to read the pushed pictures."""
    part = session.page_choice(AnomalyChoice)
    made = (
        "Each network is attacked on its own, away from its answer; the attack knows nothing of the detectors, and one "
        "that did could fool both."
        if is_attack(part.push)
        else "All networks get the same corrupted picture, at the severities of CIFAR-10-C."
    )
    source = (
        f"{ATTACKS[part.push].source}; what is drawn, from seed 0."
        if is_attack(part.push)
        else "Hendrycks, Dietterich 2019, arXiv:1903.12261."
    )
    how_to_read(
        f"{made} Right picture: the change, amplified around grey. Hollow dots: the picture as it was; full dots: now, "
        "red where they have left the band. In the chart below the dotted line the picture is flagged.",
        source,
    )
