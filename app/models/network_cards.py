"""The Models page's cards: what is known about each network, in words and figures."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from app.models.published_networks import publication
from app.models.standings import Share, Standing, standings
from app.state.epsilon_scale import NORM_TITLES
from app.state.names import model_name
from app.ui.colours import model_colour
from app.ui.elements import how_to_read
from core.models.architectures.catalogue import architecture_of
from core.models.published.entry import publication_of
from core.models.zoo import Card
from core.norms import NORMS, Norm, radius_words
from core.reports.adversarial.measurements import REACH_FIGURES
from core.reports.form.report import Row
from core.training.recipes.registry import entry_of, student_of


def percent(share: Share | None) -> str:
    """A share with its interval, as on a card."""
    if share is None:
        return "not measured"
    return f"{share.value:.1%} <small>({share.low * 100:.1f} to {share.high * 100:.1f})</small>".replace("%", " %")


def show(shown: Sequence[Card], rows: Sequence[Row], areas: Sequence[Row], students: Sequence[Row]) -> None:
    """A card a model, as many side by side as fit.

    Args:
        shown: the models' cards.
        rows: of the report `robustness`.
        areas: the rows of the report `adversarial`,
        students: and those of the report `student`.
    """
    by_norm = {norm: standings(shown, rows, norm) for norm in NORMS}
    area_of = {(row.get("model"), row.get("sha256")): row for row in areas}
    bodies = []
    for index, card in enumerate(shown):
        under = [row for row in students if row.get("sha256") == card.sha256]
        further = _area(area_of.get((card.key, card.sha256), {})) + _small_radii(under)
        bodies.append(_card(card, {norm: by_norm[norm][index] for norm in NORMS}, further))
    st.html(f'<div class="rs-cards">{"".join(bodies)}</div>')


def _card(card: Card, standing: Mapping[Norm, Standing], further: str) -> str:
    entry = entry_of(card.key) or student_of(card.key)
    title, sentence, source = (entry.title, entry.sentence, entry.source) if entry else ("A recipe of its own", "", "")
    published = ""
    if said := publication_of(card.settings):
        title, source, published = "A published network", said.source, publication(card.key, said)
    measured = standing["linf"].clean is not None or not further  # what is measured further may stand alone
    figures = _figures(standing) if measured else ""
    note = f'<p class="rs-note">{escape(card.note)}</p>' if card.note else ""
    return (
        f'<article class="rs-card" style="--rs-colour: {model_colour(card.key)}" data-card="{escape(card.key)}">'
        f'<div class="rs-name">{escape(model_name(card.key))}<span class="rs-key">{escape(card.key)}</span></div>'
        f'<p><b>{escape(title)}.</b> {escape(sentence)}</p><p class="rs-formula">{escape(card.recipe)}</p>'
        f"{figures}{further}"
        f'<p class="rs-small">{escape(_cost(card, standing["linf"].cost))}</p>{published}{note}'
        f'<p class="rs-small">Source: {escape(source or "see its formula")}<br>'
        f"Make it again: <code>{escape(card.command)}</code></p></article>"
    )


def _figures(standing: Mapping[Norm, Standing]) -> str:
    """The card's small table: a row an attack, a column a norm."""
    clean = standing["linf"].clean
    if clean is None:
        return '<p class="rs-small">Accuracy not measured.</p>'
    heads, columns = "", []
    for norm in NORMS:
        one = standing[norm]
        radius = radius_words(norm, one.epsilon) if one.epsilon is not None else ""
        heads += f"<th>{NORM_TITLES[norm]} {radius}</th>"
        columns.append(tuple(percent(share) + _images(share) for share in (one.pgd, one.apgd)))
    body = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{column[index]}</td>' for column in columns)}</tr>"
        for index, name in enumerate(("PGD-50", "APGD"))
    )
    return (
        f'<div class="rs-clean"><b>{clean.value * 100:.1f} %</b> right on clean images '
        f"<small>({clean.low * 100:.1f} to {clean.high * 100:.1f}, n = {clean.n:,})</small></div>"
        f'<table class="rs-table"><tr><th></th>{heads}</tr>{body}</table>'
    )


def _area(row: Row) -> str:
    """The card's line on the accuracy-robustness area, and what APGD leaves right within three distances."""
    if not isinstance(row.get("ara"), int | float):
        return ""
    said = (
        f"Area {row['ara']:.4f} ({row['ara_low']:.4f} to {row['ara_high']:.4f}, RMSE, n = {row['ara_n']:,}; accuracy "
        f"on these {row['accuracy']:.1%})"
    )
    if all(name in row for name in REACH_FIGURES):
        radii, shares = (
            [f"{row[f'{name}{end}']:{form}}" for name in REACH_FIGURES] for end, form in (("_l2", "g"), ("", ".0%"))
        )
        said += f". Right under APGD within L2 {', '.join(radii)}: {', '.join(shares)} (n = {row['apgd_near_n']:,})"
    return f'<p class="rs-small">{said}.</p>'.replace("%", " %")


def _small_radii(rows: Sequence[Row]) -> str:
    """The card's line on a student or its teacher: small photographs that it has right, clean and under attack."""
    if not rows:
        return ""
    smallest = min((row["epsilon"] for row in rows if row["epsilon"]), default=0.0)  # where APGD was asked, too
    said = ", ".join(
        f"{row['right']:.1%} ({row['right_low'] * 100:.1f} to {row['right_high'] * 100:.1f}) "
        + (
            f"under PGD-{row['steps']}{' and APGD' if row['epsilon'] == smallest else ''} within "
            f"{radius_words('linf', row['epsilon'])}"
            if row["epsilon"]
            else "clean"
        )
        for row in rows
    )
    n = rows[0]["right_n"]
    words = f"Right on photographs of Tiny ImageNet, enlarged, which no student learned from (n = {n:,}): {said}."
    return f'<p class="rs-small">{words}</p>'.replace("%", " %")


def _images(share: Share | None) -> str:
    return f"<small> n = {share.n:,}</small>" if share else ""


def _cost(card: Card, cost: float | None) -> str:
    """What training took, and the network's size."""
    seconds, epochs, steps = (card.training.get(name) for name in ("seconds", "epochs", "steps"))
    parts = [f"{architecture_of(card.network).title}, {card.parameters:,} parameters"]
    for count, of in ((epochs, "epoch"), (steps, "step")):
        if isinstance(count, int) and isinstance(seconds, int | float) and math.isfinite(seconds):
            parts.append(f"{count:,} {of}{'s' if count != 1 else ''} in {seconds / 60:.0f} min")
    if cost is not None:
        parts.append(f"an epoch takes {cost:.1f} × the standard recipe's")
    return " · ".join(parts)


def guide() -> None:
    """How to read the cards."""
    how_to_read(
        "The large figure is the share of right answers on clean test images; below it, under two attacks of the "
        "radius named: PGD-50, and APGD, which tunes itself. The lower one counts. In brackets: 95 % Wilson intervals "
        "in percent. CE is cross-entropy, f(x) the network's scores, y the label. Area: of accuracy above a guess, "
        "over the size of the change that a search needs, per value (RMSE); as a mean it also rises where hard "
        "pictures are given up for easy ones, so accuracy under attacks of three sizes stands beside it where it was "
        "measured.",
        "PGD: Madry et al. 2018, arXiv:1706.06083. APGD: Croce, Hein 2020, arXiv:2003.01690. Area: Woods, Chen, "
        "Teuscher 2019, arXiv:1906.02896.",
    )
