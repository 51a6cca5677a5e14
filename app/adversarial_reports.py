"""Whole test sets: curves with their areas, and the transfer matrix with the picture behind a cell."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from app import adversarial_figures as figures
from app import maps, state
from app.adversarial_cache import PassedOn
from app.adversarial_choice import METHOD_TITLES, AdversarialChoice
from app.colours import model_colour
from app.dials import radius_text
from app.names import model_name
from app.pictures import data_url
from app.views import how_to_read, ink, percent
from core.data.tasks import Task
from core.models.zoo import Card
from core.reports.adversarial import Adversarial
from core.reports.chosen import images_in_words
from core.reports.fooling import Fooling
from core.reports.report import Report, Row
from core.reports.transfer import Transfer
from core.reports.transfer_readings import Verdict, verdicts

CONFIG = {"displayModeBar": False}
PANELS: Mapping[str, tuple[str, str]] = {
    "attack": ("Attack: until the answer is wrong", "Still right"),
    "btr": ("BTR: until the class is no likelier than a guess", "Still likelier than a guess"),
}
FIGURES: Mapping[str, str] = {
    "accuracy": "Right when clean",
    "ara": "Attack ARA",
    "btr_ara": "BTR ARA",
    "ara_clamped": "ARA, pixels kept in range",
    "median_rmse": "Median distance",
}
ATTACK_TITLES: Mapping[str, str] = {
    "fgsm": "FGSM: one step",
    "tgsm": "TGSM: one step to the next class",
    "iterated-tgsm": "iterated TGSM",
    "pgd": "PGD",
}


def missing(task: Task, report: str, holds: str, stale: bool = False) -> None:
    """What stands in place of a report while there is none for these weights."""
    with st.container(border=True, key=f"no-{report}"):
        st.markdown(
            f"**The report on {holds} is not here yet.** "
            + ("The one that is here is of other networks, or of other weights. " if stale else "")
            + "This command makes it, goes on where it was stopped, and this page shows it after a reload:"
        )
        st.code(f"robustscope evaluate --task {task.key} --report {report}", language="bash")


def survival(task: Task, report: Adversarial | None, cards: Sequence[Card]) -> None:
    """Accuracy against RMSE of these networks, areas shaded, and their figures."""
    rows = {
        card.key: row
        for card in cards
        for row in (report.report.rows if report else ())
        if (row.get("model"), row.get("sha256")) == (card.key, card.sha256)
    }
    if report is None or not rows:
        missing(task, "adversarial", "how large a change must be to break these networks", stale=report is not None)
        return
    found = {  # without a network that has no area: a line of images that nobody broke would look like robustness
        name: {
            key: _own_images(report.arrays[f"distance_{name}__{key}"], row)
            for key, row in rows.items()
            if f"distance_{name}__{key}" in report.arrays and row.get(_area(name)) is not None
        }
        for name in PANELS
    }
    for (name, (title, kept)), place in zip(PANELS.items(), st.columns(2, gap="large"), strict=True):
        with place:
            st.html(f'<div class="rs-chart">{title}</div>')
            if found[name]:
                top = figures.reach(list(found[name].values()), task.classes)
                figure = figures.areas(found[name], task.classes, top, ink(), kept)
                said = "; ".join(f"{model_name(key)} {_number(rows[key].get(_area(name)))}" for key in found[name])
                st.plotly_chart(figure, config=CONFIG, key=f"areas-{name}", alt=f"Areas: {said}")
    st.html(_table(rows))
    for key, row in rows.items():
        if said := _how_found(key, row):
            st.caption(said)
    absent = [model_name(card.key) for card in cards if card.key not in rows]
    if absent:
        st.caption(f"Not in the report: {', '.join(absent)}.")
    how_to_read(
        "Each line is the share of test images that a network still gets right (right chart: whose class it still "
        "finds likelier than a guess) when the search may change them by so much. The shaded part above a guess is the "
        "accuracy-robustness area, ARA, in units of pixel range. A class may lose first place long before its evidence "
        "is gone; the right chart asks when it has. Small print: 95 % intervals (bootstrap; accuracy: Wilson). Images "
        "never broken count as right up to the largest distance found; with more than 2 % of them no area is given.",
        _searched(report),
    )


def _own_images(values: np.ndarray, row: Row) -> np.ndarray:
    """Of values (n,) those of the images that the network's row is of, which may come after others."""
    return values[-row["ara_n"] :] if row.get("first_image") else values


def _searched(report: Adversarial) -> str:
    """Where the curves come from: the reference's search, or how much of it."""
    source = "Woods, Chen, Teuscher 2019, arXiv:1906.02896: 450 steps, momentum 0.9, no clamp."
    first, last = (report.report.settings.get(name) for name in ("opening", "steps"))
    return source + (f" Here the first {first} and the last {last} of these steps." if first and last else "")


def _how_found(key: str, row: Row) -> str:
    """Why a network has no area, and what its searches followed where that is not the reference's loss; "" for none."""
    said = []
    if row.get("ara_reason"):
        said.append(
            f"no area, {row['ara_reason']}. That need not be robustness: where a network gives no gradient, a search "
            "has no way to go. Whether changes made against other networks fool it is seen below"
        )
    if row.get("loss") == "softened":
        said.append(
            f"its loss has no gradient on {percent(row['zero_gradient'])} of the images, so the searches followed its "
            "logits scaled down to a lead of 10, which the paper's do not"
        )
    return f"{model_name(key)}: {'; '.join(said)}." if said else ""


def _area(search: str) -> str:
    return {"attack": "ara", "btr": "btr_ara"}[search]


def _table(rows: Mapping[str, Row]) -> str:
    heads = "".join(f"<th>{title}</th>" for title in FIGURES.values())
    body = "".join(
        f'<tr data-area="{escape(key)}">'
        f'<th><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}</th>'
        + "".join(f"<td>{_figure(name, row)}</td>" for name in FIGURES)
        + "</tr>"
        for key, row in rows.items()
    )
    return f'<div class="rs-wide" tabindex="0"><table class="rs-table"><tr><th></th>{heads}</tr>{body}</table></div>'


def _figure(name: str, row: Row) -> str:
    """A figure with its interval, n, and how many images are censored; why there is none where there is none."""
    share = name == "accuracy"
    value, low, high = (_number(row.get(f"{name}{suffix}"), share) for suffix in ("", "_low", "_high"))
    n, censored = row.get(f"{name}_n"), row.get(f"{name}_censored")
    told = [f"{low} to {high}"] if "–" not in (low, high) else []
    told += [f"n = {n:,}"] if isinstance(n, int) else []
    told += [f"{censored:,} never broken"] if censored else []
    if name == "accuracy" and row.get("first_image"):
        told.append(images_in_words(row["first_image"], row["accuracy_n"]))
    return f"<b>{value}</b><br><small>{', '.join(told)}</small>"


def _number(value: Any, share: bool = False) -> str:
    if not isinstance(value, int | float):
        return "–"
    return percent(value) if share else f"{value:.4f}"


def transfer_matrix(
    task: Task, report: Transfer | None, cards: Mapping[str, Card], choice_models: Sequence[str]
) -> tuple[str, str, str, float] | None:
    """The matrix with its controls; gives source, model, attack and epsilon of the chosen cell."""
    weights = report.report.provenance.get("weights", {}) if report else {}
    models = [key for key, card in cards.items() if weights.get(key) == card.sha256]
    rows = [row for row in report.report.rows if row["source"] in models and row["model"] in models] if report else []
    if not rows:
        missing(task, "transfer", "which changes fool other networks too", stale=report is not None)
        return None
    part: AdversarialChoice = state.part()
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
        st.plotly_chart(
            figure, config=CONFIG, key=f"matrix-{task.key}", on_select=_click, selection_mode="points",
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
        "Attack", attacks, format_func=lambda key: ATTACK_TITLES.get(key, key), required=True,
        **_set_to("attack", attack, f"adversarial.attack.{task.key}"),
    )  # fmt: skip
    epsilon = min(radii, key=lambda radius: abs(radius - part.at))
    right.select_slider(
        "Largest change of a pixel, ε (L∞)", radii, format_func=_radius,
        **_set_to("at", epsilon, f"adversarial.at.{task.key}"),
    )  # fmt: skip
    return attack, epsilon


def _radius(epsilon: float) -> str:
    levels = round(epsilon * 255)
    return radius_text("linf", levels / 255) if abs(levels / 255 - epsilon) < 1e-4 else f"{epsilon:g}"


def _set_to(field: str, value: Any, key: str) -> dict[str, Any]:
    """As `state.bound`, for a field whose shown value is the nearest that the report has."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return {"key": key, "on_change": lambda: state.set_field(field, st.session_state[key])}


def _cell(part: AdversarialChoice, models: Sequence[str], chosen: Sequence[str]) -> tuple[str, str]:
    """The chosen cell, or one of the networks side by side."""
    usual = [key for key in chosen if key in models] or list(models)
    source = part.source if part.source in models else usual[0]
    return source, part.seen if part.seen in models else usual[min(1, len(usual) - 1)]


def _click() -> None:
    """Take the cell that was clicked."""
    points = st.session_state[f"matrix-{state.now().task}"]["selection"]["points"]
    if points and len(points[0].get("customdata", ())) == 2:
        state.set_field("cell", tuple(points[0]["customdata"]))


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


def readings_held(found: Report | None, transfer: Transfer | None) -> None:
    """What the paper read from its matrices, and what came of each reading in these."""
    if found is None or transfer is None or found.provenance != transfer.report.provenance:
        return
    lines = "".join(
        f'<li data-reading="{escape(each.reading)}"><b>{each.verdict}</b> ({_counted(each)}): {escape(each.claim)}</li>'
        for each in verdicts(found.rows)
    )
    if lines:
        st.html(
            '<div class="rs-guide"><b>What the paper read from its matrices, held against these.</b> Counted are '
            "comparisons of two networks whose 95 % interval lies on the reading's side, or on the other; "
            f"FGSM and TGSM, n = {max(row['n'] for row in found.rows):,} images, one training a network."
            f"<ul>{lines}</ul></div>"
        )


def _counted(each: Verdict) -> str:
    turned = f", {each.reversed} reversed" if each.reversed else ""
    return f"{each.held} of {each.of} held{turned}"


def passed_on(task: Task, one: PassedOn, source: str, seen: str) -> None:
    """The picture of a cell: before, after, the change, and both networks' answers."""
    names, factor = task.class_names, maps.amplification([one.x_adv - one.x])
    tiles = "".join(
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
    st.html(
        f'<div class="rs-passed"><div class="rs-tiles">{tiles}</div><div>{answers}<div class="rs-small">The attack was '
        f"about “{escape(names[one.label])}”, {escape(about)}.</div></div></div>"
    )


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


def fooled_shares(task: Task, report: Fooling | None, cards: Mapping[str, Card], method: str) -> None:
    """On how many test images heat maps of this method were fooled, for each network measured."""
    rows = [
        row
        for row in (report.report.rows if report else ())
        if row.get("method") == method and row["model"] in cards and row.get("sha256") == cards[row["model"]].sha256
    ]
    if not rows:
        st.caption(
            "On how many test images this works is not measured here yet: "
            f"`robustscope evaluate --task {task.key} --report fooling` does it."
        )
        return
    words = {
        "moved": "map moved to its emptiest quadrant, answer kept",
        "outside": "answer changed from outside of the map",
    }
    lines = "".join(
        f"<tr><th>{escape(model_name(key))}</th>"
        + "".join(
            f"<td>{_share_of([row for row in rows if row['model'] == key and row['what'] == what])}</td>"
            for what in words
        )
        + "</tr>"
        for key in dict.fromkeys(str(row["model"]) for row in rows)
    )
    heads = "".join(f"<th>{word}</th>" for word in words.values())
    epsilon = _radius(float(rows[0]["epsilon"]))
    st.html(
        f'<div class="rs-chart">{escape(METHOD_TITLES[method])} on test images, ε = {epsilon}</div>'
        f'<div class="rs-wide"><table class="rs-table rs-narrow-table"><tr><th></th>{heads}</tr>{lines}</table></div>'
    )


def _share_of(rows: Sequence[Row]) -> str:
    if not rows or not isinstance(rows[0].get("succeeded"), int | float):
        return "–"
    row = rows[0]
    low, high = row["succeeded_low"] * 100, row["succeeded_high"] * 100
    return f"<b>{row['succeeded'] * 100:.0f} %</b> <small>({low:.0f} to {high:.0f}, n = {row['succeeded_n']:,})</small>"
