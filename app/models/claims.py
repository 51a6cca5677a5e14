"""What the papers claim and what came out here, as lists on the page Models."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from app.state.names import model_name
from app.ui.claims import VERDICTS, offer, verdict
from app.ui.elements import how_to_read
from core.reports.form.report import Row


def _list(rows: Sequence[Row], name: str) -> None:
    """What the papers claim and what came out here: an item a claim, in it each pair of networks, a line a measure."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row.get("claim")), []).append(row)
    st.html(f'<ul class="rs-claims">{"".join(_claim(claim, group) for claim, group in groups.items())}</ul>')
    lines = [
        (str(row.get("claim")), pair_name(str(row.get("model")), str(row.get("against"))), measurement(row),
         VERDICTS[verdict([row])][2])
        for row in rows
    ]  # fmt: skip
    offer(name, [("Claim", "Networks", "Measured", "Verdict"), *lines], rows)


def pair_name(model: str, against: str) -> str:
    """What two networks that are compared are called."""
    return model_name(model) if model == against else f"{model_name(model)} against {model_name(against)}"


def show(rows: Sequence[Row]) -> None:
    """Claims on the networks that ship."""
    _list(rows, "claims")
    how_to_read(
        "Each line is a difference on the same test images, in points of accuracy unless it says otherwise; above zero "
        "is what the paper claims. It holds where the whole 95 % interval is above zero, and came out the other way "
        "where all of it is below. In part: some measures hold, others do not or are too close to tell. Each network "
        "is one training: the intervals are over images, and another seed may lie further off.",
        "Newcombe 1998 for paired shares, Wilson for one, bootstrap with 1,000 resamples for the rest.",
    )


def show_over_seeds(rows: Sequence[Row]) -> None:
    """Claims on recipes, each trained several times."""
    _list([{**row, "n": row.get("difference_n"), "of": " trainings each"} for row in rows], "claims-over-seeds")
    how_to_read(
        "Here each recipe was trained from three seeds, and the interval is over these trainings: how far another "
        "training may lie off, all on the same images: other images may lie further. With three trainings it is wide, "
        "so a line that is too close to tell may still be true.",
        "Student's t over the differences of pairs of one seed.",
    )


def _claim(claim: str, rows: Sequence[Row]) -> str:
    """One claim, with its pairs of networks and their measures."""
    sign, look, words = VERDICTS[verdict(rows)]
    pairs: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        pairs.setdefault((str(row.get("model")), str(row.get("against"))), []).append(row)
    found = "".join(_pair(model, against, group, len(pairs) > 1) for (model, against), group in pairs.items())
    return (
        f'<li class="{look}" data-holds="{verdict(rows)}"><i aria-hidden="true">{sign}</i><div>'
        f"<b>{escape(claim[:1].upper() + claim[1:])}</b> <em>{words}</em>{found}</div></li>"
    )


def _pair(model: str, against: str, rows: Sequence[Row], one_of_several: bool) -> str:
    """A pair of networks with its measures; where a claim has several, with what came out for this one."""
    name = pair_name(model, against)
    words = f" <em>{VERDICTS[verdict(rows)][2]}</em>" if one_of_several else ""
    lines = "".join(f"<li>{VERDICTS[verdict([row])][0]} {escape(measurement(row))}</li>" for row in rows)
    return f"<div><span>{escape(name)}</span>{words}<ul>{lines}</ul></div>"


def measurement(row: Mapping[str, Any]) -> str:
    """A row's measure and difference in words."""
    parts = [row.get(name) for name in ("difference", "difference_low", "difference_high", "n")]
    if isinstance(row.get("most"), int | float) and row.get("most") == row.get("least"):
        points = f"{row['most'] * 100:+.1f}".replace("-", "−")
        return f"{row.get('measure')}: {points} points in each of {row.get('n')} trainings: no interval"
    if not all(isinstance(part, int | float) for part in parts):
        return f"{row.get('measure')}: not measured"
    difference, low, high, n = (float(part) for part in parts if part is not None)
    of = row.get("of", "")
    figures = f"{difference * 100:+.1f} points (95 %: {low * 100:+.1f} to {high * 100:+.1f}; n = {int(n):,}{of})"
    if row.get("unit") == "rmse":
        figures = f"{difference:+.4f} RMSE (95 %: {low:+.4f} to {high:+.4f}; n = {int(n):,})"
    return f"{row.get('measure')}: {figures.replace('-', '−')}"
