"""Whole test sets: curves with their areas, and how often heat maps were led astray."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from app.adversarial import figures
from app.adversarial.choice import METHOD_TITLES
from app.adversarial.transfer import _radius
from app.state.names import model_name
from app.ui import charts, tables
from app.ui.colours import model_colour
from app.ui.elements import how_to_read, ink, missing_report, not_measured, percent
from core.data.tasks import Task
from core.models.zoo import Card
from core.reports.adversarial.measurements import REACH_FIGURES
from core.reports.adversarial.report import Adversarial
from core.reports.fooling.report import Fooling
from core.reports.form.chosen import images_in_words
from core.reports.form.report import Row

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


REACHED = " What APGD, an attack of a given size, leaves right within three distances shows which."
"""Said where APGD was asked about one of the networks shown."""


def survival(task: Task, report: Adversarial | None, cards: Sequence[Card]) -> None:
    """Accuracy against RMSE of these networks, areas shaded, and their figures."""
    rows = {
        card.key: row
        for card in cards
        for row in (report.report.rows if report else ())
        if (row.get("model"), row.get("sha256")) == (card.key, card.sha256)
    }
    if report is None or not rows:
        missing_report(
            task, "adversarial", "how large a change must be to break these networks", stale=report is not None
        )
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
                charts.show(figure, key=f"areas-{name}", alt=f"Areas: {said}")
    tables.show(_table(rows), f"areas-{task.key}")
    for key, row in rows.items():
        if said := _how_found(key, row):
            st.caption(said)
    asked = any(name in row for row in rows.values() for name in REACH_FIGURES)
    absent = [model_name(card.key) for card in cards if card.key not in rows]
    if absent:
        st.caption(f"Not in the report: {', '.join(absent)}.")
    how_to_read(
        "Each line is the share of test images that a network still gets right (right chart: whose class it still "
        "finds likelier than a guess) when the search may change them by so much. The shaded part above a guess is the "
        "accuracy-robustness area, ARA, in units of pixel range. A class may lose first place long before its evidence "
        "is gone; the right chart asks when it has. Small print: 95 % intervals (bootstrap; accuracy: Wilson). Images "
        "never broken count as right up to the largest distance found; with more than 2 % of them no area is given. An "
        "area is a mean: it also rises where pictures that are hard are given up for those that are not."
        + (REACHED if asked else ""),
        _searched(report, asked),
    )


def _own_images(values: np.ndarray, row: Row) -> np.ndarray:
    """Of values (n,) those of the images that the network's row is of, which may come after others."""
    return values[-row["ara_n"] :] if row.get("first_image") else values


def _searched(report: Adversarial, asked: bool) -> str:
    """Where curves and figures come from: the reference's search, or how much of it, and APGD where it was asked."""
    source = "APGD: Croce, Hein 2020, arXiv:2003.01690. " if asked else ""
    source += "Areas: Woods, Chen, Teuscher 2019, arXiv:1906.02896: 450 steps, momentum 0.9, no clamp."
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
    """The figures of these networks; those of APGD where it was asked about one of them."""
    titles = dict(FIGURES)
    for row in rows.values():
        titles |= {name: f"Right under APGD, L2 {row[f'{name}_l2']:g}" for name in REACH_FIGURES if name in row}
    heads = "".join(f"<th>{title}</th>" for title in titles.values())
    body = "".join(
        f'<tr data-area="{escape(key)}">'
        f'<th><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}</th>'
        + "".join(f"<td>{_figure(name, row)}</td>" for name in titles)
        + "</tr>"
        for key, row in rows.items()
    )
    return f'<div class="rs-wide" tabindex="0"><table class="rs-table"><tr><th></th>{heads}</tr>{body}</table></div>'


def _figure(name: str, row: Row) -> str:
    """A figure with its interval, n, and how many images are censored; why there is none where there is none."""
    share = name in ("accuracy", *REACH_FIGURES)
    value, low, high = (_number(row.get(f"{name}{suffix}"), share) for suffix in ("", "_low", "_high"))
    n, censored = row.get(f"{name}_n"), row.get(f"{name}_censored")
    told = [f"{low} to {high}"] if "–" not in (low, high) else []
    told += [f"n\u00a0=\u00a0{n:,}"] if isinstance(n, int) else []
    told += [f"{censored:,} never broken"] if censored else []
    told += ["not measured"] if name not in row else []
    if name == "accuracy" and row.get("first_image"):
        told.append(images_in_words(row["first_image"], row["accuracy_n"]))
    return f"<b>{value}</b><br><small>{', '.join(told)}</small>"


def _number(value: Any, share: bool = False) -> str:
    if not isinstance(value, int | float):
        return "–"
    return percent(value) if share else f"{value:.4f}"


def fooled_shares(task: Task, report: Fooling | None, cards: Mapping[str, Card], method: str) -> None:
    """On how many test images heat maps of this method were fooled, for each network measured."""
    rows = [
        row
        for row in (report.report.rows if report else ())
        if row.get("method") == method and row["model"] in cards and row.get("sha256") == cards[row["model"]].sha256
    ]
    if not rows:
        command = f"robustscope evaluate --task {task.key} --report fooling"
        not_measured(task, "On how many test images this works", command)
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
    tables.show(
        f'<div class="rs-chart">{escape(METHOD_TITLES[method])} on test images, ε = {epsilon}</div>'
        f'<div class="rs-wide"><table class="rs-table rs-narrow-table"><tr><th></th>{heads}</tr>{lines}</table></div>',
        f"fooled-shares-{task.key}",
    )


def _share_of(rows: Sequence[Row]) -> str:
    if not rows or not isinstance(rows[0].get("succeeded"), int | float):
        return "–"
    row = rows[0]
    low, high = row["succeeded_low"] * 100, row["succeeded_high"] * 100
    return f"<b>{row['succeeded'] * 100:.0f} %</b> <small>({low:.0f} to {high:.0f}, n = {row['succeeded_n']:,})</small>"
