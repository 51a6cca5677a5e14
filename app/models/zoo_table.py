"""The Models page's cards, table and charts: what is known about each network, in words and figures."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from app.models import figures
from app.models.published_networks import publication
from app.models.standings import Share, Standing, standings
from app.state.epsilon_scale import NORM_TITLES
from app.state.names import model_name
from app.ui import charts, tables
from app.ui.colours import model_colour
from app.ui.elements import how_to_read, ink
from core.data.tasks import Task
from core.metrics.survival_curve import survival_curve
from core.models.architectures.catalogue import architecture_of
from core.models.published.entry import publication_of
from core.models.zoo import Card
from core.norms import NORMS, Norm, radius_words
from core.reports.adversarial.measurements import REACH_FIGURES
from core.reports.form.provenance import in_words
from core.reports.form.report import Row
from core.reports.robustness.report import Robustness
from core.training.recipes.registry import entry_of, student_of

FLAGS: Mapping[str, str] = {
    "single-step": "single step",
    "zero-gradient": "no gradient",
    "larger-epsilon": "grey pictures",
    "transfer": "transfer",
    "black-box": "black box",
}
"""Signs of masked gradients in a cell's few words; `table_guide` says what they mean."""

MASKING = "Signs of masking"
WIDTHS: Mapping[str, int] = {"Network": 126, "Clean": 60, "PGD-50": 60, "APGD": 60, "Epoch": 52, MASKING: 148}
"""The table's columns in pixels: on a window 1280 wide all are in sight, and two signs of masking are read in full."""

STATED = ("steps", "restarts", "apgd_iterations", "apgd_targets", "seed")  # settings of the report that are shown


def percent(share: Share | None) -> str:
    """A share with its interval, as on a card."""
    if share is None:
        return "not measured"
    return f"{share.value:.1%} <small>({share.low * 100:.1f} to {share.high * 100:.1f})</small>".replace("%", " %")


def cards(shown: Sequence[Card], rows: Sequence[Row], areas: Sequence[Row], students: Sequence[Row]) -> None:
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
    note = f'<p class="rs-note">{escape(card.note)}</p>' if card.note else ""
    return (
        f'<article class="rs-card" style="--rs-colour: {model_colour(card.key)}" data-card="{escape(card.key)}">'
        f'<div class="rs-name">{escape(model_name(card.key))}<span class="rs-key">{escape(card.key)}</span></div>'
        f'<p><b>{escape(title)}.</b> {escape(sentence)}</p><p class="rs-formula">{escape(card.recipe)}</p>'
        f"{_figures(standing)}{further}"
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
    said = ", ".join(
        f"{row['right']:.1%} ({row['right_low'] * 100:.1f} to {row['right_high'] * 100:.1f}) "
        + (f"under PGD-{row['steps']} within {radius_words('linf', row['epsilon'])}" if row["epsilon"] else "clean")
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


def card_guide() -> None:
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


def no_report(task: Task, stale: bool) -> None:
    """What stands in place of the report while there is none for these weights."""
    if task.brought:
        st.caption("There is no report on robustness here: a task that was brought has no data set to measure it on.")
        return
    with st.container(border=True, key="no-report"):
        st.markdown(
            "**The robustness report of these networks is not here yet.** "
            + ("The one that is here was measured on other weights. " if stale else "")
            + "It holds their accuracy at several radii, under APGD, and what each epoch costs. This command makes it, "
            "goes on where it was stopped, and this page shows it after a reload:"
        )
        st.code(f"robustscope evaluate --task {task.key} --report robustness", language="bash", wrap_lines=True)


def table(standing: Sequence[Standing]) -> list[int]:
    """The figures of every model as a table that a click on a head sorts; the places of the rows that are chosen."""
    rows = [
        {
            "Network": model_name(one.card.key),
            "Clean": _points(one.clean),
            "PGD-50": _points(one.pgd),
            "APGD": _points(one.apgd),
            "Epoch": one.cost,
            MASKING: _flags(one.flags),
            "Clean, 95 %": _span(one.clean),
            "PGD, 95 %": _span(one.pgd),
            "APGD, 95 %": _span(one.apgd),
        }
        for one in standing
    ]
    shares = {
        name: st.column_config.NumberColumn(name, width=WIDTHS[name], format="%.1f %%", help=told)
        for name, told in (
            ("Clean", "Right answers on clean test images"),
            ("PGD-50", "Right answers under PGD with 50 steps at the reported radius"),
            ("APGD", "Right answers under APGD on cross-entropy and then targeted DLR, at the reported radius"),
        )
    }
    others = {
        "Network": st.column_config.TextColumn("Network", width=WIDTHS["Network"]),
        "Epoch": st.column_config.NumberColumn(
            "Epoch", width=WIDTHS["Epoch"], format="%.1f ×", help="Time of an epoch over the standard's"
        ),
        MASKING: st.column_config.TextColumn("Masking", width=WIDTHS[MASKING], help=MASKING),
    }
    picked = st.dataframe(
        rows, hide_index=True, column_config=shares | others, placeholder="–", key="models-table",
        column_order=tuple(WIDTHS), height=min(495, 35 * len(rows) + 38), on_select="rerun",
        selection_mode="multi-row",
    )  # fmt: skip
    named = {str(name): None for row in rows for name in row}
    tables.offer(
        "networks",
        lambda: [[*named], *[["" if row.get(name) is None else str(row[name]) for name in named] for row in rows]],
    )
    return [row for row in picked.selection.rows if row < len(standing)]


def _points(share: Share | None) -> float | None:
    return share.value * 100 if share else None


def _span(share: Share | None) -> str | None:
    return f"{share.low * 100:.1f} to {share.high * 100:.1f}, n = {share.n:,}" if share else None


def _flags(flags: Sequence[str] | None) -> str:
    if flags is None:
        return "not measured"
    return "; ".join(FLAGS.get(flag, flag) for flag in flags) or "none"


def table_guide() -> None:
    """How to read the table."""
    how_to_read(
        "A click on a head sorts. Epoch: the time of one over the standard recipe's on the same network. The 95 % "
        "intervals are in the chart, on the cards and in the files. Signs of masking: where one is named, the attacks "
        "may have failed because gradients lead nowhere, and the network may be weaker than its figures. Single step: "
        "one step harms more than many. No gradient: many are zero. Grey pictures: it stands where any picture can be "
        "made grey. Transfer: another network's attack harms more than its own. Black box: an attack without "
        "gradients harms more.",
        "Signs: Athalye et al. 2018, arXiv:1802.00420; Carlini et al. 2019, arXiv:1902.06705.",
    )


def provenance(report: Robustness) -> None:
    """How and when the report was measured, one line."""
    settings, origin = report.report.settings, report.report.provenance
    stated = [f"{name.replace('_', ' ')} {settings[name]}" for name in STATED if name in settings]
    stated += [str(origin["data"])] if "data" in origin else []
    stated.append(in_words(origin, report.report.rows))
    st.html(f'<div class="rs-small">Report: {escape("; ".join(stated))}.</div>')


def curves(task: Task, report: Robustness, keys: Sequence[str], norm: Norm) -> None:
    """Accuracy against epsilon, a line a model; none for one whose gradient is hidden, which would look robust."""
    arrays = report.arrays
    hidden = {row["model"] for row in report.report.rows if "zero-gradient" in str(row.get("masking")).split(",")}
    found = {
        key: survival_curve(arrays[f"smallest_{norm}__{key}"], arrays[f"grid_{norm}"])
        for key in keys
        if f"smallest_{norm}__{key}" in arrays and f"grid_{norm}" in arrays and key not in hidden
    }
    if missing := [model_name(key) for key in keys if key in hidden]:
        st.caption(
            f"No line for {', '.join(missing)}: on most pictures there is no gradient for PGD to follow, so what it "
            "leaves standing is no robustness. APGD, which aims at other classes too, is in the table."
        )
    if found:
        said = "; ".join(f"{model_name(key)} {', '.join(f'{s:.0%}' for s in one.share)}" for key, one in found.items())
        _chart(figures.curves(found, norm, task.radii[norm], ink()), "curves", f"Accuracy against epsilon: {said}")
        how_to_read(
            "Each line is a network: the share of test images it still gets right when an attack of size ε has looked "
            "for a mistake (PGD-50, two starts; an image broken at a smaller ε stays broken). Bands are 95 % "
            "intervals. A click on a name hides or shows a line.",
            "Madry et al. 2018, arXiv:1706.06083.",
        )


def trade_off(standing: Sequence[Standing]) -> None:
    """Clean against robust accuracy, a point a model; under the strongest attack that all were measured under."""
    known = [one for one in standing if one.clean and (one.pgd or one.apgd)]
    strongest = all(one.apgd for one in known)
    attack = "APGD" if strongest else "PGD-50"
    points = [
        (one.card.key, one.clean, robust)
        for one in known
        if one.clean and (robust := one.apgd if strongest else one.pgd)
    ]
    if not points:
        st.caption("No network of this task has figures yet.")
        return
    said = "; ".join(f"{model_name(key)} {x.value:.0%} and {y.value:.0%}" for key, x, y in points)
    _chart(figures.trade_off(points, attack, ink()), "trade-off", f"Clean and robust accuracy: {said}")
    how_to_read(
        "Right is better on clean images, up is better under attack, so the best place is the upper right corner. Bars "
        "are 95 % intervals.",
        "Tsipras et al. 2019, arXiv:1805.12152; Zhang et al. 2019, arXiv:1901.08573.",
    )


def distributions(report: Robustness, keys: Sequence[str]) -> None:
    """How sure each model is of the true class, beside how long its loss gradient is."""
    arrays = report.arrays
    left, right = st.columns(2, gap="large")
    sure = {key: arrays[name] for key in keys if (name := f"log_probability__{key}") in arrays}
    steep = {
        key: (arrays[true], arrays[other])
        for key in keys
        if (true := f"gradient_norm__{key}") in arrays and (other := f"gradient_norm_other__{key}") in arrays
    }
    _distribution(
        left,
        "How sure is it of the true class?",
        figures.certainty(sure, ink()) if sure else None,
        "certainty",
        "Histograms of the probability of the true class",
        "One row a network, clean images. Far right: sure and right; far left: sure and wrong. The axis stretches "
        "both ends, so that 99.9 % and 99.999 % stand apart; each row is scaled to its own highest bar. Penalties "
        "and attacks in training keep answers moderate; distillation drives them to the ends.",
        "Ross, Doshi-Velez 2018, arXiv:1711.09404; Papernot et al. 2016, arXiv:1511.04508.",
    )
    _distribution(
        right,
        "How hard do pixels pull at the loss?",
        figures.gradient_norms(steep, ink()) if steep else None,
        "gradients",
        "Box plots of the length of the loss gradient",
        "The length of the gradient of the loss, in nats for a picture that moves by 1 (L2). One box a network and "
        "label: middle line the median, box half of the images, whiskers 5 to 95 %; each mark of the axis is a "
        "hundred times the one before. Filled: the true label. Hollow: the next one. Short for both means that no "
        "small change pulls hard anywhere; short for the true label alone is what masks an attack.",
        "Ross, Doshi-Velez 2018, arXiv:1711.09404, Sec. 4; lengths below 1e-12 are drawn there.",
    )


def _distribution(place: Any, question: str, figure: Any, key: str, said: str, guide: str, source: str) -> None:
    """A question, the chart that answers it where there is one, and how to read it."""
    with place:
        st.subheader(question, anchor=False)
        if figure is not None:
            _chart(figure, key, said)
        how_to_read(guide, source)


def _chart(figure: Any, key: str, said: str) -> None:
    charts.show(figure, width="stretch", height=int(figure.layout.height), key=key, alt=said)
