"""Images made against one network and shown to another: the transfer matrix, and the picture behind a cell."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from app.adversarial import figures
from app.adversarial.choice import AdversarialChoice
from app.adversarial.results import TransferredImage
from app.state import session
from app.state.epsilon_scale import radius_text
from app.state.names import model_name
from app.ui import charts, claims, map_png, tiles
from app.ui.colours import model_colour
from app.ui.data_urls import data_url
from app.ui.downloads import npz
from app.ui.elements import how_to_read, ink, missing_report, percent
from core.attacks.catalogue import ATTACKS
from core.data.tasks import Task
from core.models.zoo import Card
from core.reports.claims.transfer import ClaimVerdict, verdicts
from core.reports.form.report import Report, Row
from core.reports.transfer.report import Transfer


def transfer_matrix(
    task: Task, report: Transfer | None, cards: Mapping[str, Card], choice_models: Sequence[str]
) -> tuple[str, str, str, float] | None:
    """The matrix with its controls; gives source, model, attack and epsilon of the chosen cell."""
    weights = report.report.provenance.get("weights", {}) if report else {}
    models = [key for key, card in cards.items() if weights.get(key) == card.sha256]
    rows = [row for row in report.report.rows if row["source"] in models and row["model"] in models] if report else []
    if not rows:
        missing_report(task, "transfer", "which changes fool other networks too", stale=report is not None)
        return None
    part = session.page_choice(AdversarialChoice)
    attack, epsilon = _dials(task, rows, part)
    shown = {
        (row["source"], row["model"]): row
        for row in rows
        if row["attack"] == attack and abs(row["epsilon"] - epsilon) < 1e-4
    }
    source, seen = _cell(part, models, choice_models)
    accuracy = {cell: float(row["accuracy"]) for cell, row in shown.items()}
    told = {cell: _told(row) for cell, row in shown.items()}
    figure = figures.matrix(models, accuracy, told, (source, seen), ink())
    with st.container(key="matrix-frame"):
        charts.show(
            figure, key=f"matrix-{task.key}", on_select=_click, selection_mode="points",
            alt="Accuracy on images made against other networks; the two lists below choose a cell, too",
        )  # fmt: skip
    left, right = st.columns(2, gap="medium")
    for field, label, value, place in (("source", "Made against", source, left), ("seen", "Asked", seen, right)):
        place.selectbox(
            label, models, format_func=model_name, **_set_to(field, value, f"adversarial.{field}.{task.key}")
        )
    if (source, seen) in told:
        st.html(f'<div class="rs-says" data-cell="{escape(source)},{escape(seen)}">{escape(told[source, seen])}</div>')
    return source, seen, attack, next((float(row["epsilon"]) for row in shown.values()), epsilon)


def _dials(task: Task, rows: Sequence[Row], part: AdversarialChoice) -> tuple[str, float]:
    """The attack and the epsilon, of those that the report has."""
    attacks = list(dict.fromkeys(str(row["attack"]) for row in rows))
    radii = sorted({round(float(row["epsilon"]), 4) for row in rows})
    left, right = st.columns([1.3, 1], gap="medium", vertical_alignment="bottom")
    attack = part.attack if part.attack in attacks else attacks[0]
    left.segmented_control(
        "Attack", attacks, format_func=lambda key: ATTACKS[key].title if key in ATTACKS else key, required=True,
        **_set_to("attack", attack, f"adversarial.attack.{task.key}"),
    )  # fmt: skip
    epsilon = min(radii, key=lambda radius: abs(radius - part.at))
    right.select_slider(
        "Largest change of a pixel, ε (L∞)", radii, format_func=_radius,
        **_set_to("at", epsilon, f"adversarial.at.{task.key}"),
    )  # fmt: skip
    return attack, epsilon


def _radius(epsilon: float) -> str:
    levels = round(epsilon * 510) / 2  # of a report, which holds few digits
    return radius_text("linf", levels / 255 if abs(levels / 255 - epsilon) < 1e-4 else epsilon)


def _set_to(field: str, value: Any, key: str) -> dict[str, Any]:
    """As `state.bound`, for a field whose shown value is the nearest that the report has."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return {"key": key, "on_change": lambda: session.set_field(field, st.session_state[key])}


def _cell(part: AdversarialChoice, models: Sequence[str], chosen: Sequence[str]) -> tuple[str, str]:
    """The chosen cell, or one of the networks side by side."""
    usual = [key for key in chosen if key in models] or list(models)
    source = part.source if part.source in models else usual[0]
    return source, part.seen if part.seen in models else usual[min(1, len(usual) - 1)]


def _click() -> None:
    """Take the cell that was clicked."""
    points = st.session_state[f"matrix-{session.now().task}"]["selection"]["points"]
    if points and len(points[0].get("customdata", ())) == 2:
        session.set_field("cell", tuple(points[0]["customdata"]))


def _told(row: Row) -> str:
    """A cell in words."""
    who = model_name(str(row["model"]))
    against = "itself" if row["source"] == row["model"] else model_name(str(row["source"]))
    value, low, high = (row[name] * 100 for name in ("accuracy", "accuracy_low", "accuracy_high"))
    return (
        f"{who} is right on {value:.0f} % of {row['accuracy_n']:,} images made against {against} "
        f"({low:.0f} to {high:.0f} %)"
    )


def transfer_guide() -> None:
    """How to read the matrix."""
    how_to_read(
        "Figures are right answers in percent. A column is the network that images were made against, a row the "
        "network that is asked: brown means that it falls for them, green that it stands. On the diagonal the attack "
        "knows the network. A network that stands on its own column but falls on its row may only hide its gradients. "
        "Click a cell to see such a picture.",
        "Ross, Doshi-Velez 2018, arXiv:1711.09404, transfer experiment.",
    )


def readings_held(task: str, found: Report | None, transfer: Transfer | None) -> None:
    """What the paper read from its matrices, and what came of each reading in these."""
    if found is None or transfer is None or found.provenance != transfer.report.provenance:
        return
    said = verdicts(found.rows)
    lines = "".join(
        f'<li data-reading="{escape(each.reading)}"><b>{each.verdict}</b> ({_counted(each)}): {escape(each.claim)}</li>'
        for each in said
    )
    if lines:
        st.html(
            '<div class="rs-guide"><b>What the paper read from its matrices, held against these.</b> Counted are '
            "comparisons of two networks whose 95 % interval lies on the reading's side, or on the other; "
            f"FGSM and TGSM, n = {max(row['n'] for row in found.rows):,} images, one training a network."
            f"<ul>{lines}</ul></div>"
        )
        words = [(each.claim, each.verdict, _counted(each)) for each in said]
        claims.offer(f"readings-{task}", [("Reading", "Verdict", "Counted"), *words], found.rows)


def _counted(each: ClaimVerdict) -> str:
    turned = f", {each.reversed} reversed" if each.reversed else ""
    return f"{each.held} of {each.of} held{turned}"


def passed_on(task: Task, one: TransferredImage, source: str, seen: str) -> None:
    """The picture of a cell: before, after, the change, and both networks' answers."""
    names, factor = task.class_names, map_png.amplification([one.x_adv - one.x])
    pictures = "".join(
        f'<figure><img src="{data_url(x)}" alt="{words}"><figcaption>{words}</figcaption></figure>'
        for words, x in (
            ("the picture", one.x),
            (f"made against {escape(model_name(source))}", one.x_adv),
            (f"the change × {factor}", 0.5 + factor * (one.x_adv - one.x)),
        )
    )
    answers = "".join(
        _answer(task, key, role, probs)
        for key, role, probs in ((source, "made against", one.source), (seen, "asked", one.seen))[
            : 1 + (source != seen)
        ]
    )
    about = "its true class" if one.true else f"what {model_name(source)} answers, for its true class is not known"
    tiles.show(
        f'<div class="rs-passed"><div class="rs-tiles">{pictures}</div><div>{answers}<div class="rs-small">The attack '
        f"was about “{escape(names[one.label])}”, {escape(about)}.</div></div></div>",
        f"passed-on-{task.key}",
        arrays=partial(transferred_npz, task, one, source, seen),
    )


def transferred_npz(task: Task, one: TransferredImage, source: str, seen: str) -> bytes:
    """`x`, `x_adv` and `delta` (C, H, W), and both networks' probabilities (2, K), before and after."""
    arrays = {"x": one.x, "x_adv": one.x_adv, "delta": one.x_adv - one.x, "probs": one.source, "probs_seen": one.seen}
    names = list(task.class_names)
    return npz(arrays, {"task": task.key, "class_names": names, "source": source, "seen": seen, "label": one.label})


def _answer(task: Task, key: str, role: str, probs: np.ndarray) -> str:
    before, after = (int(row.argmax()) for row in probs)
    changed = before != after
    return (
        f'<div class="rs-head" style="--rs-colour: {model_colour(key)}"><span class="rs-name">{escape(model_name(key))}'
        f'<span class="rs-key">{role}</span></span></div>'
        f'<div class="rs-answer" style="--rs-colour: {model_colour(key)}" data-passed="{escape(key)}">'
        f'<span class="rs-class">{escape(task.class_names[after])}</span>'
        f'<span class="rs-share">{percent(probs[1, after])}</span>'
        f'<span class="rs-verdict{" rs-changed" if changed else ""}">{"changed" if changed else "kept"}</span></div>'
        f'<div class="rs-small">{escape(task.class_names[before])}: {percent(probs[0, before])} before, '
        f"{percent(probs[1, before])} after</div>"
    )
