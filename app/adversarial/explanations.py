"""The explanation grid and the path: what each network adds to a picture to see another class in it."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.adversarial.choice import AWAY, RHO_STEP, RHO_TOP, SHOWN, targets
from app.adversarial.results import EvidenceVerdict
from app.state import session
from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.controls import pick
from app.ui.data_urls import data_url
from app.ui.elements import clean_in_words, how_to_read, not_measured
from app.ui.player import Line, Series, Track, player
from core.data.tasks import Task
from core.explanations.attack_path import Path
from core.explanations.class_explanations import FEW, LIKELIEST, Explanations
from core.models.zoo import Card
from core.reports.explanations.report import DRAWN, NOISE, ExplanationsReport
from core.reports.form.report import Row
from core.text import hyphenated

Result = TypeVar("Result")
UNDEFENDED = ("standard", "oneepoch")


def with_progress(results: Iterable[Result], of: int) -> list[Result]:
    """All results, with a bar while the next one is made."""
    found: list[Result] = []
    place = st.empty()
    place.progress(0.0, f"Network 1 of {of}")
    for result in results:
        found.append(result)
        place.progress(len(found) / of, f"Network {min(len(found) + 1, of)} of {of}")
    place.empty()
    return found


def budget() -> None:
    """The budget, and whether the pictures or the changes are shown."""
    left, right = st.columns([2.4, 1], gap="medium", vertical_alignment="bottom")
    left.slider(
        "How much may change, ρ (RMSE: root mean square over all pixels, black to white is 1)",
        0.0,
        RHO_TOP,
        step=RHO_STEP,
        format="%.3f",
        **session.binding("rho", "adversarial.rho"),
    )
    pick("Show", SHOWN, place=right, width="stretch", **session.binding("shown", "adversarial.shown"))


def class_picker(task: Task) -> None:
    """Which class the path leads to; of many, one that is searched for."""
    offered, bound = targets(session.now()), session.binding("target", f"adversarial.target.{task.key}")
    label, words = "Make each network believe", lambda target: "away from its answer" if target == AWAY else target
    if task.classes <= FEW:
        st.pills(label, offered, format_func=words, required=True, **bound)
    else:
        st.selectbox(label, offered, format_func=words, **bound)


def says(verdict: EvidenceVerdict) -> str:
    """A verdict in words; empty while nobody can say."""
    if verdict.evidence is None:
        return verdict.because
    sentence = verdict.evidence.sentence
    return sentence[0].upper() + sentence[1:]


def says_where(verdict: EvidenceVerdict) -> str:
    """The same with the budget that was judged, which need not be the one shown."""
    return says(verdict) + ("" if verdict.evidence is None else f" (at ρ = {verdict.evidence.settings['rho']:g})")


def _verdict(verdict: EvidenceVerdict) -> str:
    """The verdict with what it rests on."""
    found, words = verdict.evidence, escape(says(verdict))
    if found is None:
        return f'<span class="rs-says"><small>{words}</small></span>'
    cuts = found.settings["thresholds"]
    assert isinstance(cuts, dict)
    votes = ", ".join(
        f"{'✓' if value >= cuts[name] else '✗'} {title} {write(value)} (cut {write(cuts[name])})"
        for name, title, write, value in (
            ("transfer", "other networks see the class", _share, found.transfer),
            ("low_frequency", "low frequencies", _share, found.low_frequency),
            ("agreement", "agreement of two starts", "{:.2f}".format, found.agreement),
        )
    )
    return (
        f'<span class="rs-says" data-draws="{found.draws}">{words}<details><summary>why</summary>this picture, at '
        f"ρ = {found.settings['rho']:g}: {votes}</details></span>"
    )


def no_verdicts(task: Task) -> None:
    """What is said where the thresholds are missing."""
    command = f"robustscope evaluate --task {task.key} --report explanations"
    not_measured(task, "Whether these attacks draw a class or are noise", command)


def drawn_on_tests(report: ExplanationsReport | None, zoo: Mapping[str, Card], models: Sequence[str]) -> None:
    """On how many test images each of these networks draws the class, and what a verdict does not mean."""
    if report is None:
        return
    rows = {
        row["model"]: row
        for row in report.report.rows
        if row["model"] in zoo and row.get("sha256") == zoo[row["model"]].sha256
    }
    said = "; ".join(_drawn(rows[key]) for key in models if key in rows)
    if said:
        st.html(f'<div class="rs-small" data-drawn="">Draws the class on test images: {escape(said)}.</div>')
    plain = [rows[key] for key in UNDEFENDED if key in rows and rows[key]["draws"] > 0]
    named = [model_name(row["model"]) if row["model"] in models else _drawn(row) for row in plain]
    settings = report.report.settings
    judged = f" on {settings['val_images']:,} validation images" if "val_images" in settings else ""
    others = "; ".join(named)
    undefended = f" Networks that learned without any defence can draw, too: {others}." if others else ""
    how_to_read(
        "A verdict is about the changes to this picture, towards the two classes that the network finds likeliest "
        "after its answer. They draw a class if at least two of three measures reach their cuts (✓). A cut is where "
        f"the measure best parts {model_name(NOISE)} from {model_name(DRAWN)}{judged}. A verdict does not say that the "
        f"network is robust, or right.{undefended}",
        "The measures and their cuts are ours.",
    )


def _drawn(row: Row) -> str:
    """A network's share of test images on which it draws."""
    share, low, high = (row[name] * 100 for name in ("draws", "draws_low", "draws_high"))
    chose = ", chose the cuts" if row["model"] in (NOISE, DRAWN) else ""
    return f"{model_name(row['model'])} on {share:.0f} % ({low:.0f} to {high:.0f} %, n = {row['draws_n']:,}{chose})"


def grid(
    task: Task,
    results: Sequence[Explanations],
    verdicts: Sequence[EvidenceVerdict],
    shown: str,
    cards: Mapping[str, Card],
) -> None:
    """A row a model: its answer, and what it makes of the picture for each class."""
    factor = change_factor(results)
    blocks = [
        _row(task, result, verdict, shown, factor, clean_in_words(cards[result.model]))
        for result, verdict in zip(results, verdicts, strict=True)
    ]
    st.html(f'<div class="rs-explanations">{"".join(blocks)}</div>')


def _row(task: Task, result: Explanations, verdict: EvidenceVerdict, shown: str, factor: float, right: str) -> str:
    name, answer = model_name(result.model), result.predicted
    pictures = result.x_adv if shown == "picture" else 0.5 + factor * result.delta
    cells = "".join(_cell(task, result, place, picture) for place, picture in enumerate(pictures))
    head = f'<span class="rs-name">{escape(name)}</span>'
    head += f'<span class="rs-figures">{escape(right)}</span>' if right else ""
    return (
        f'<section style="--rs-colour: {model_colour(result.model)}" data-explained="{escape(result.model)}">'
        f'<div class="rs-head">{head}<span class="rs-answer"><b class="rs-class">'
        f"{escape(task.class_names[answer])}</b> {_share(result.probs[answer])}</span>{_verdict(verdict)}</div>"
        f'<div class="rs-cells rs-scrolls" tabindex="0" role="group" aria-label="{escape(name)}: a picture for each '
        f'class">{cells}</div></section>'
    )


def _cell(task: Task, result: Explanations, place: int, picture: NDArray[np.float32]) -> str:
    """One class: the picture, the class, and its probability on the original and on what is shown."""
    index = int(result.classes[place])
    name = task.class_names[index]
    before, after = float(result.probs[index]), float(result.probs_shown[place, index])
    believed = int(result.probs_shown[place].argmax()) == index
    mark = "its answer" if index == result.predicted else ""
    mark = "second guess" if index == result.strongest_other and not mark else mark
    return (
        f'<figure class="{"rs-believed" if believed else ""}" data-class="{escape(name)}" data-before="{before:.4f}" '
        f'data-after="{after:.4f}"><img src="{data_url(picture)}" alt="Changed towards {escape(name)}">'
        f'<figcaption><b title="{escape(name)}">{escape(hyphenated(name))}</b>'
        f"<span>{_kept_together(before)} → {_kept_together(after)}</span>"
        f"<small>{mark}</small></figcaption></figure>"
    )


def change_factor(results: Sequence[Explanations]) -> float:
    """How changes are amplified, alike for all: nearly all values stay within the range."""
    largest = max((float(np.quantile(np.abs(result.delta), 0.995)) for result in results), default=0.0)
    return 0.5 / largest if largest > 0 else 1.0


def _kept_together(probability: float) -> str:
    """A probability that no line break parts."""
    return _share(probability).replace(" ", "\N{NO-BREAK SPACE}")


def _share(probability: float) -> str:
    """A probability in few characters; 0 and 1 are only so to the digits of float32."""
    if probability < 0.01:
        return "< 1 %"
    return "> 99 %" if probability > 0.99 else f"{probability * 100:.0f} %"


def grid_guide(results: Sequence[Explanations], shown: str) -> None:
    """How to read the grid."""
    factor = change_factor(results)
    few = f" Of {len(results[0].probs):,} classes the {LIKELIEST} likeliest are explained." if _some(results) else ""
    alone = f" Changes are shown × {factor:.2g} around grey, alike for all." if shown == "change" else ""
    how_to_read(
        "Each picture is the first one, changed by about ρ towards the class named, as the network sees it. Below: the "
        "class's probability on the picture as it is → on the one shown. A framed picture is now answered with that "
        "class. Object-like, local strokes say what the network looks for; grain says that its attacks explain "
        "nothing. Pixels are cut to the range that a screen can show, and the second figure is of the cut picture."
        + few
        + alone,
        "Woods, Chen, Teuscher 2019, arXiv:1906.02896: 35 steps, path of 5 ρ, not clipped inside the attack."
        + (" Steps in bfloat16, all figures in float32." if any(map(_rounded, results)) else ""),
    )


def _rounded(result: Explanations) -> bool:
    """Whether the search took its steps in bfloat16."""
    return result.settings["precision"] == "bfloat16"


def _some(results: Sequence[Explanations]) -> bool:
    """Whether there are classes that are not explained."""
    return bool(results) and len(results[0].classes) < len(results[0].probs)


def path_player(task: Task, found: Sequence[Path], rho: float) -> None:
    """All models' paths in step: pictures, and curves of probability, loss and size."""
    names = task.class_names
    tracks, likely, losses, sizes = [], [], [], []
    for one in found:
        name, colour = model_name(one.model), model_colour(one.model)
        answers = one.probs.argmax(1)
        captions = [
            f"{names[answer]} {_share(float(probs[answer]))}" for answer, probs in zip(answers, one.probs, strict=True)
        ]
        tracks.append(Track(name, colour, one.frames, captions))
        likely.append(Line(one.probs[:, one.target].tolist(), colour, f"{name}: {names[one.target]}"))
        first = int(answers[0])
        if first != one.target:
            likely.append(Line(one.probs[:, first].tolist(), colour, f"{name}: {names[first]}", faint=True))
        losses.append(Line(one.loss.tolist(), colour, name))
        sizes.append(Line(one.rmse.tolist(), colour, name))
    away = bool(found) and found[0].away
    series = (
        Series("Probability" + (" of its first answer" if away else ""), likely, "percent"),
        Series(f"Loss of {'its first answer' if away else 'the class'} (nats)", losses),
        Series("Size of the change (RMSE)", sizes, mark=rho or None, mark_name=f"ρ = {rho:g}"),
    )
    player(tracks, series, "path")


def path_guide() -> None:
    """How to read the player."""
    how_to_read(
        "Move the slider, click a curve, or press the arrow keys; space plays. The search follows the gradient until "
        "the change has the size ρ; then it goes to and fro along the edge instead of stopping at first contact. "
        "Solid: the class aimed at; dashed: the network's first answer. The difference is of the pictures as shown; "
        "probabilities are of the picture before it is cut to the screen's range.",
        "Woods, Chen, Teuscher 2019, arXiv:1906.02896.",
    )
