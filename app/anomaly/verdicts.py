"""One picture on the Anomaly page: controls, each network's verdict, and what every detector says."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from app.anomaly import figures, results
from app.anomaly.choice import ALPHAS, VIEWS, AnomalyChoice
from app.anomaly.names import (
    KINDS,
    alpha_text,
    detector_title,
    enumeration,
    held_out_check,
    normal_pictures,
    normal_to,
    share_text,
    verdict,
)
from app.state import judgements, predictions, session, zoo
from app.state.errors import guard
from app.state.names import OWN, model_name
from app.state.pictures import ModelInput
from app.ui import charts, tables
from app.ui.colours import model_colour
from app.ui.controls import pick
from app.ui.elements import how_to_read, ink, network_name, percent
from core.anomaly.calibration import Calibration
from core.anomaly.catalogue import DETECTORS
from core.anomaly.conformal import threshold
from core.anomaly.verdict import Verdict
from core.data.tasks import Task
from core.reports.anomaly.flagged import flagged_shares

FOUND: Mapping[str, str] = {
    "semantic": "pictures of other objects",
    "far": "of other kinds",
    "attack": "attacked ones",
}
CALIBRATE = "Show it pictures that are: “Calibrate on your own normal pictures” below."
Judged = Mapping[str, Verdict | None]


def view_picker() -> None:
    """Which of the page's questions is asked."""
    pick("What is asked", VIEWS, label_visibility="collapsed", **session.binding("view", "anomaly.view"))


def controls() -> None:
    """Detector and false-alarm rate."""
    left, right = st.columns([1.5, 1], gap="large")
    left.selectbox(
        "Verdict by", list(DETECTORS), format_func=detector_title,
        help="All of them are compared in the table below.", **session.binding("detector", "anomaly.detector"),
    )  # fmt: skip
    right.select_slider(
        "False alarms: normal pictures that may be flagged", ALPHAS, format_func=alpha_text,
        **session.binding("alpha", "anomaly.alpha"),
    )  # fmt: skip


def verdicts_of(task: Task, models: Sequence[str], shown: ModelInput, change: str = "") -> dict[str, Verdict | None]:
    """By network what its detectors say; a network whose files are damaged is a sentence, and left out."""
    found: dict[str, Verdict | None] = {}
    for key in models:
        with guard():
            found[key] = judgements.judgements_of(task, key, shown, change)
    return found


def columns(task: Task, shown: ModelInput, judged: Judged) -> None:
    """A column a network: its answer, the verdict, and the score among those of normal pictures."""
    part = session.page_choice(AnomalyChoice)
    if not judged:
        return
    st.html(f'<div class="rs-normal">{escape(_normal(task, judged))}</div>')
    for place, (key, one) in zip(_columns(len(judged)), judged.items(), strict=True):
        with place, guard():
            answer = predictions.predictions_of(task, [key], shown)[0]
            st.html(
                _head(key) + f'<div class="rs-answer" style="--rs-colour: {model_colour(key)}"><span class="rs-class">'
                f"{escape(task.class_names[answer.target])}</span>"
                f'<span class="rs-share">{percent(answer.probs[answer.target])}</span></div>'
            )
            detectors = judgements.calibration_of(task.key, key)
            if one is None or detectors is None:
                missing_calibration(task, key)
            elif part.detector not in one.p_values:
                st.info(f"{DETECTORS[part.detector].name} is not calibrated for this network.", icon=":material/info:")
            else:
                _verdict(task, one, detectors, part)


def _normal(task: Task, judged: Judged) -> str:
    """What is normal to the networks, in a sentence for each meaning of it."""
    said: dict[str, list[str]] = {}
    for key in judged:
        screen = judgements.calibration_of(task.key, key)
        words = normal_to(task, screen, judgements.is_mine(task.key, key)) if screen else normal_pictures(task)
        said.setdefault(words, []).append(model_name(key))
    if len(said) == 1:
        return f"Normal is: {next(iter(said))}."
    return " ".join(f"Normal to {enumeration(names)} is: {words}." for words, names in said.items())


def _columns(count: int) -> Sequence[DeltaGenerator]:
    with st.container(key="networks-judged"):
        return st.columns(count, gap="medium")


def _head(key: str) -> str:
    return (
        f'<div class="rs-head" style="--rs-colour: {model_colour(key)}"><span class="rs-name">'
        f'{escape(model_name(key))}<span class="rs-key">{escape(key)}</span></span></div>'
    )


def missing_calibration(task: Task, key: str) -> None:
    """What stands in place of a verdict where there is no calibration."""
    with st.container(border=True, key=f"missing_calibration-{key}"):
        if key.startswith(OWN):
            st.markdown(f"**No verdict yet:** nothing says what is normal to a network of your own. {CALIBRATE}")
            return
        if not task.trained:
            st.markdown(
                f"**No verdict yet:** {model_name(key)} learned from pictures that are not here, "
                f"so nothing says what is normal to it. {CALIBRATE}"
            )
            return
        st.markdown(
            f"**No verdict yet:** {model_name(key)} is not calibrated here, so nothing says what is normal to it. "
            f"{CALIBRATE} Or, where the data set is, by this command:"
        )
        st.code(f"robustscope calibrate --task {task.key} --models {key}", language="bash", wrap_lines=True)


def _verdict(task: Task, one: Verdict, detectors: Calibration, part: AnomalyChoice) -> None:
    """The verdict of the chosen detector, what it rests on, and the distribution behind it."""
    p_value, normals = float(one.p_values[part.detector][0]), detectors.normals[part.detector]
    flagged = p_value <= part.alpha
    said = verdict(p_value, part.alpha, len(normals))
    st.html(
        f'<div class="rs-judged" data-judged="{escape(one.model)}" data-p="{p_value:.4f}" data-flagged="{flagged}">'
        f'{chip(flagged)}<span class="rs-says">{escape(said)}</span>'
        f'<span class="rs-small" data-finds="{escape(one.model)}">'
        f"{escape(held_out_check(detectors, part.detector) or finds(task, one.model, normals, part))}</span></div>"
    )
    figure = figures.distribution(
        normals, float(one.scores[part.detector][0]), threshold(normals, part.alpha), one.model, ink()
    )
    charts.show(figure, key=f"anomaly-distribution-{one.model}", alt=said)


def finds(task: Task, key: str, normals: NDArray[np.floating], part: AnomalyChoice) -> str:
    """How much of what is odd this setting flags, by the report; that it was not measured, where it has no rows."""
    report = results.report(task.key)
    row_of = (key, zoo.cards_of(task.key)[key].sha256)
    shares = flagged_shares(report, row_of, part.detector, normals, part.alpha) if report else {}
    told = [f"{shares[family].value * 100:.0f} of 100 {words}" for family, words in FOUND.items() if family in shares]
    absent = [words for family, words in FOUND.items() if family not in shares]
    if not told:
        return "How many odd pictures it flags at this setting was not measured."
    missing = f" Not measured: {enumeration(absent)}." if absent else ""
    return f"At this setting it flags {enumeration(told)}.{missing}"


def chip(flagged: bool) -> str:
    """A verdict in a word or two."""
    return f'<span class="rs-verdict{" rs-changed" if flagged else ""}">{"odd" if flagged else "not flagged"}</span>'


def distribution_guide(judged: Judged) -> None:
    """How to read the columns."""
    part = session.page_choice(AnomalyChoice)
    trained = (
        " It was trained on attacks, so it has seen the kind of anomaly that it looks for, unlike the others."
        if DETECTORS[part.detector].trained_on
        else ""
    )
    n = {one.settings["p_value_images"] for one in judged.values() if one is not None}
    how_to_read(
        f"{DETECTORS[part.detector].title}.{trained} The bars are "
        f"{' or '.join(f'{count:,}' for count in sorted(map(int, map(str, n)))) or 'no'} normal pictures "
        "that no detector has seen, nor, by a calibration that shipped, the network; red ones would be flagged. The "
        f"promise: of normal pictures at most {alpha_text(part.alpha)} are flagged, on average over calibrations. How "
        "many odd pictures are found is another matter, and nothing promises it: those counts are of the report "
        "anomaly, each set of a kind counted alike, at most 500 pictures a set; see “How far to trust it”. Not flagged "
        "does not mean that the picture shows what the network knows.",
        "Confounding labels: Lee et al. 2022, arXiv:2206.08255; conformal p-values: Vovk et al. 2005, "
        "Bates et al. 2023, arXiv:2104.08279.",
    )


def detector_table(judged: Judged) -> None:
    """Every detector's p-value for each network; which disagree with the chosen one is said first."""
    part = session.page_choice(AnomalyChoice)
    there = {key: one for key, one in judged.items() if one is not None}
    st.html("".join(_disagreement(one, part) for one in there.values()))
    heads = "".join(
        f'<th><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}</th>' for key in there
    )
    body = ""
    for kind, title in KINDS.items():
        body += f'<tr class="rs-group"><th colspan="{1 + len(there)}">{escape(title)}</th></tr>'
        for key in [key for key in DETECTORS if DETECTORS[key].kind == kind]:
            cells = "".join(_cell(one, key, part) for one in there.values())
            mark = " rs-chosen-row" if key == part.detector else ""
            body += (
                f'<tr class="rs-said{mark}" data-detector="{key}" title="{escape(DETECTORS[key].title)}">'
                f"<th>{escape(DETECTORS[key].name)}</th>{cells}</tr>"
            )
    tables.show(
        f'<div class="rs-wide" tabindex="0"><table class="rs-table rs-detectors"><tr><th></th>{heads}</tr>{body}'
        "</table></div>",
        "detectors",
    )
    how_to_read(
        "Each figure is the share of normal pictures that look at least as odd to that detector; red is flagged. ≠ "
        "marks those that disagree with the chosen detector. Each keeps its own promise; taken together, some detector "
        "flags far more normal pictures than any single one does. Point at a row to see what it is.",
        "Baselines as pytorch-ood defines them; their papers stand in the rows.",
    )


def _disagreement(one: Verdict, part: AnomalyChoice) -> str:
    """In a sentence, how many detectors flag, and which do not agree with the chosen one."""
    flags = one.flags(part.alpha)
    head = network_name(one.model)
    told = f"{len(flags)} of {len(one.p_values)} detectors flag it."
    if part.detector in one.p_values:
        chosen = part.detector in flags
        against = [DETECTORS[key].name for key in one.p_values if (key in flags) != chosen]
        told += (
            f" Of another opinion than {DETECTORS[part.detector].name}: {enumeration(against)}."
            if against
            else " All agree."
        )
    return f'<p class="rs-disagree" data-flags="{escape(one.model)},{len(flags)}">{head}: {escape(told)}</p>'


def _cell(one: Verdict, key: str, part: AnomalyChoice) -> str:
    if key not in one.p_values:
        return "<td>–</td>"
    p_value = float(one.p_values[key][0])
    flagged = p_value <= part.alpha
    chosen = one.p_values.get(part.detector, np.ones(1))[0] <= part.alpha
    odd = " ≠" if flagged != chosen else ""
    return f'<td class="{"rs-flagged" if flagged else ""}"><b>{share_text(p_value)}</b>{odd}</td>'
