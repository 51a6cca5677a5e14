"""The report `latent` over the zoo: scatter, curves, table, and what came of the paper's claims."""

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from app.latent import figures
from app.latent.choice import CODES, MEASURES, LatentChoice
from app.latent.figures import Axis, Figure
from app.state import autoencoders, session
from app.state.names import model_name
from app.ui import charts, tables
from app.ui.claims import VERDICTS, offer, verdict
from app.ui.colours import model_colour
from app.ui.controls import pick
from app.ui.elements import how_to_read, ink, missing_report, percent
from core.data.tasks import Task, task_named
from core.latent.noise import typical_norm
from core.models.zoo import Card
from core.reports.claims.latent import RATHER
from core.reports.form.report import Report, Row
from core.reports.latent.report import Latent
from core.reports.latent.rows import LETTER, spoken_of

CODE_TITLES: Mapping[str, str] = {"generation": "random codes", "reconstruction": "test images, rebuilt"}
AXES: Mapping[str, Axis] = {
    "severity": Axis("Smallest latent change that fools (scaled)"),
    "accuracy": Axis("Right under latent attack within ρ", share=True),
    "noise": Axis("Right under latent noise", share=True),
    "change": Axis("What it changes in the picture (RMSE)"),
}
TITLES: Mapping[str, str] = {
    "severity": "smallest change",
    "accuracy": "right under attack",
    "noise": "right under noise",
    "change": "picture's change",
}
ACROSS: Mapping[str, Axis] = {
    "accuracy": Axis("Right on test images", share=True),
    "severity-l2": Axis("Smallest change of pixels that fools (RMSE)"),
}
QUESTIONS: Mapping[str, str] = {
    "accuracy": "Does it follow accuracy?",
    "severity-l2": "Or robustness to small changes?",
}
LOOKS: Mapping[str, str] = {"held": "yes", "reversed": "no", "unclear": "undecided"}
Found = Mapping[str, Mapping[str, Figure]]


def report(
    task: Task, found: Latent | None, readings: Report | None, cards: Mapping[str, Card], models: Sequence[str]
) -> None:
    """Everything the report says, or how to make it."""
    rows = rows_by_network(found, cards)
    if found is None or not rows:
        missing_report(task, "latent", "how the networks stand latent changes", stale=found is not None)
        return
    part = session.page_choice(LatentChoice)
    left, right = st.columns([1, 1.9], gap="medium")
    pick("Codes", {key: CODE_TITLES[key] for key in CODES}, place=left, **session.binding("codes", "latent.codes"))
    pick("Measure", {key: TITLES[key] for key in MEASURES}, place=right, **session.binding("measure", "latent.measure"))
    part = session.page_choice(LatentChoice)
    every = {key: figures_of(own, part.codes, found) for key, own in rows.items()}
    _scatter(every, part.measure)
    _guide(found, _helper(task, rows), _bias(found, list(rows), part.codes))
    _claims(readings, found, part.codes)
    _curves(found, part.codes, [key for key in models if key in rows])
    tables.show(table(every, rows, part.codes), f"latent-metrics-{task.key}")
    absent = [model_name(key) for key in cards if key not in rows]
    if absent:
        st.caption(f"Not in the report: {', '.join(absent)}.")


def rows_by_network(found: Latent | None, cards: Mapping[str, Card]) -> dict[str, list[Row]]:
    """By network the rows that were measured on the weights which are here."""
    rows = found.report.rows if found else ()
    own = {
        key: [row for row in rows if (row.get("model"), row.get("sha256")) == (key, cards[key].sha256)] for key in cards
    }
    return {key: mine for key, mine in own.items() if mine}


def figures_of(rows: Sequence[Row], codes: str, found: Latent) -> dict[str, Figure]:
    """A network's figures by the names of `MEASURES`, `ACROSS` and "plain" (right on codes without any change)."""
    epsilon, letter = found.report.settings.get("eps"), LETTER[codes]
    how, radius = within(found)

    def pick(metric: str, more: Mapping[str, Any] | None = None, figure: str = "value") -> Figure | None:
        for row in rows:
            if row.get("metric") == metric and all(row.get(name) == wanted for name, wanted in (more or {}).items()):
                return _figure(row, figure)
        return None

    searched: dict[str, Any] = {"setting": "default", "epsilon": epsilon}
    wanted = {
        "severity": pick(f"LA{letter}S", searched),
        "accuracy-in-latent": pick(f"LA{letter}A", searched | {"search": how, "rho": radius}),
        "noise": pick("LLNA", {"codes": codes, "epsilon": epsilon}),
        "change": pick(f"LA{letter}S", searched, "l2"),
        "plain": pick(f"L{letter}A"),
        "accuracy": pick("accuracy"),
        "severity-l2": pick("severity-l2"),
    }
    return {name: figure for name, figure in wanted.items() if figure is not None}


def within(found: Latent) -> tuple[str, float]:
    """The search and the radius of the accuracies shown."""
    bound = found.report.settings.get("bound")
    return spoken_of(task_named(found.report.task), float(bound) if isinstance(bound, int | float) else np.nan)


def _figure(row: Row, name: str) -> Figure | None:
    """A figure of a row from anywhere, if it is whole."""
    parts = [row.get(f"{name}{suffix}") for suffix in ("", "_low", "_high", "_n")]
    if not all(isinstance(part, int | float) and np.isfinite(part) for part in parts):
        return None
    value, low, high, n = (float(part) for part in parts if part is not None)
    return Figure(value, low, high, int(n))


def _inside(measure: str) -> str:
    """The name of a measure among a network's figures: "accuracy" alone is that on test images."""
    return "accuracy-in-latent" if measure == "accuracy" else measure


def _scatter(every: Found, measure: str) -> None:
    """The measure against accuracy, and against conventional robustness."""
    up = AXES[measure]
    for place, (name, across) in zip(st.columns(2, gap="large"), ACROSS.items(), strict=True):
        points = {
            key: (own[name], own[_inside(measure)])
            for key, own in every.items()
            if {name, _inside(measure)} <= own.keys()
        }
        with place:
            st.html(f'<div class="rs-chart">{QUESTIONS[name]}</div>')
            if points:
                said = "; ".join(
                    f"{model_name(key)} {across.text(x.value)}, {up.text(y.value)}" for key, (x, y) in points.items()
                )
                figure = figures.against(points, across, up, ink())
                charts.show(figure, key=f"latent-{name}", alt=f"{up.title} by {across.title}: {said}")


def _helper(task: Task, keys: Collection[str]) -> str | None:
    """The network, among those shown, whose features the generator learned with."""
    recipe = autoencoders.autoencoder(task.key).card.settings.get("recipe")
    key = recipe.get("classifier") if isinstance(recipe, Mapping) else None
    return key if isinstance(key, str) and key in keys else None


def _bias(found: Latent, keys: Sequence[str], codes: str) -> str:
    """That searches give upper bounds, and how far above more runs they are known to be."""
    known = {key: excess for key in keys if (excess := found.excess(key, codes)) is not None}
    if not known:
        return " A search gives an upper bound."
    said = " and ".join(f"{percent(excess)} ({model_name(key)})" for key, excess in known.items())
    runs = found.report.settings["paper_restarts"]
    return f" A search gives an upper bound: on the same codes these are longer by {said} than what {runs} runs find."


def _guide(found: Latent, helper: str | None, bias: str) -> None:
    settings = found.report.settings
    how_to_read(
        "Each point is a network; bars are 95 % intervals (bootstrap; shares: Wilson). Latent changes start from "
        f"decayed codes (ε = {settings.get('eps', 1):g}), ρ = {within(found)[1]:g}; what was wrong already "
        "counts as 0. The paper says that what networks stand in latent space goes with their accuracy (left), and "
        "hardly with their conventional robustness (right), which shows in how much the picture has to change instead "
        "(last measure)."
        + bias
        + (
            f" The generator learned with the features of {model_name(helper)}, whose own figures may gain by it."
            if helper
            else ""
        )
        + " What goes with what hangs on the generator, too: with CIFAR-10's before, which was smaller, without a flow "
        "and taught by a robust network, most of the task's figures were the other way round.",
        f"Buzhinsky et al. 2020, arXiv:2003.01993; {settings.get('images')} codes, {settings.get('restarts')} runs.",
    )


def _claims(readings: Report | None, found: Latent, codes: str) -> None:
    """What the paper found, and what came out over this zoo."""
    if readings is None or readings.provenance != found.report.provenance:
        return
    groups: dict[str, list[Row]] = {}
    for row in readings.rows:
        if row.get("codes") == codes:
            groups.setdefault(str(row["claim"]), []).append(row)
    items = "".join(_claim(claim, rows) for claim, rows in groups.items())
    if items:
        st.html(f'<ul class="rs-claims">{items}</ul>')
        rows = [row for group in groups.values() for row in group]
        lines = [(str(row["claim"]), _compared(row), VERDICTS[LOOKS[row["verdict"]]][2]) for row in rows]
        offer("latent-claims", [("Claim", "Measured", "Verdict"), *lines], rows)
        how_to_read(
            "Rank correlations (Spearman) over all networks; for “more than”, that with accuracy or its lead over the "
            "other, whichever is less. They hold where the whole interval lies above zero. Pairs: each network against "
            "Standard, where the two differ in what the claim goes by. Few networks make wide intervals, and each is "
            "one training.",
            "Bootstrap over networks and images, 1,000 resamples.",
        )


def _claim(claim: str, rows: Sequence[Row]) -> str:
    over, pairs = ([row for row in rows if row.get("way") == way] for way in ("zoo", "pair"))
    lines = "".join(f"<li>{VERDICTS[LOOKS[row['verdict']]][0]} {escape(_measured(row))}</li>" for row in over)
    if pairs:
        held, turned = (sum(row["verdict"] == word for row in pairs) for word in ("held", "reversed"))
        lines += f"<li>Pairs of networks: {held} of {len(pairs)} held, {turned} reversed</li>"
    sign, look, said = VERDICTS[verdict([{"holds": LOOKS[row["verdict"]]} for row in over or pairs])]
    return (
        f'<li class="{look}" data-claim="{escape(claim)}"><i aria-hidden="true">{sign}</i><div>'
        f"<b>{escape(claim[:1].upper() + claim[1:])}</b> <em>{said}</em><ul>{lines}</ul></div></li>"
    )


def _compared(row: Row) -> str:
    """What a row is of: all networks, or two."""
    pair = f"{model_name(str(row['model']))} against {model_name(str(row['against']))}: {row['figure']} by {row['by']}"
    return pair if row.get("way") == "pair" else _measured(row)


def _measured(row: Row) -> str:
    what = {"l2": "picture's change"}.get(str(row["figure"]), str(row["figure"]))
    by = str(row["by"]).replace("severity-l2", "robustness in L2").replace("severity-linf", "robustness in L∞")
    with_what = f"with {by}".replace(", ", ", or its lead over that with ") if row["claim"] == RATHER else f"with {by}"
    value, low, high = (f"{row[name]:+.2f}".replace("-", "−") for name in ("value", "value_low", "value_high"))
    return f"{what} {with_what}: {value} ({low} to {high}; {row['value_n']} networks)"


def _curves(found: Latent, codes: str, models: Sequence[str]) -> None:
    """The share that stands against the radius, of the networks side by side."""
    epsilon = float(found.report.settings.get("eps", 1.0))
    name = f"distance_{codes}_default_{epsilon:g}"
    distances = {key: found.arrays[f"{name}__{key}"] for key in models if f"{name}__{key}" in found.arrays}
    if not distances:
        return
    finite = np.concatenate([each[np.isfinite(each)] for each in distances.values()])
    usual = typical_norm(epsilon)
    top = max(float(np.quantile(finite, 0.98)) if len(finite) else 0.0, 1.15 * usual)
    st.html('<div class="rs-chart">How far may a code move?</div>')
    said = "; ".join(f"{model_name(key)} {np.mean(each > 0.3):.0%} at 0.3" for key, each in distances.items())
    figure = figures.standing(distances, top, usual, ink())
    charts.show(figure, key="latent-standing", alt=f"Still right by radius: {said}")
    how_to_read(
        "The share of codes whose picture is still answered rightly, whatever change of the decayed code within the "
        "radius a search tried. Left of the dotted line a change is likelier than random noise of that ε would be.",
        "One distance for each code gives the whole curve: the shorter of what the minimum search and the bounded one "
        "found. Buzhinsky et al. 2020, arXiv:2003.01993.",
    )


def table(every: Found, rows: Mapping[str, Sequence[Row]], codes: str) -> str:
    """The figures of all networks."""
    letter = LETTER[codes]
    columns = {
        "accuracy": ("Right on test images", True),
        "plain": (f"L{letter}A: on codes", True),
        "noise": ("LLNA: under noise", True),
        "severity": (f"LA{letter}S: smallest latent change", False),
        "accuracy-in-latent": (f"LA{letter}A: within ρ", True),
        "change": ("What it changes in the picture", False),
        "severity-l2": ("Smallest change of pixels (RMSE)", False),
    }
    heads = "".join(f"<th>{title}</th>" for title, _ in columns.values())
    body = "".join(
        f'<tr data-latent-row="{escape(key)}">'
        f'<th><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}</th>'
        + "".join(
            f"<td>{_cell(own.get(name), share, _shares(rows[key], name, letter))}</td>"
            for name, (_, share) in columns.items()
        )
        + "</tr>"
        for key, own in every.items()
    )
    return f'<div class="rs-wide" tabindex="0"><table class="rs-table"><tr><th></th>{heads}</tr>{body}</table></div>'


def _cell(figure: Figure | None, share: bool, more: str) -> str:
    if figure is None:
        return f"<b>–</b><br><small>{more.removeprefix(', ')}</small>" if more else "<b>–</b>"
    value, low, high = (percent(each) if share else f"{each:.3f}" for each in (figure.value, figure.low, figure.high))
    return f"<b>{value}</b><br><small>{low} to {high}, n = {figure.n:,}{more}</small>"


def _shares(rows: Sequence[Row], name: str, letter: str) -> str:
    """What must be known beside a mean distance: the shares of not found and of wrong already."""
    metric = {"severity": f"LA{letter}S", "severity-l2": "severity-l2"}.get(name)
    row = next((row for row in rows if row.get("metric") == metric and row.get("setting") in ("default", "")), None)
    if row is None:
        return ""
    found, wrong = (row.get(part) for part in ("not_found", "already_wrong"))
    said = [f"{percent(found)} never fooled"] if isinstance(found, float) and found > 0 else []
    said += [f"{percent(wrong)} wrong already"] if isinstance(wrong, float) and wrong > 0 else []
    return "".join(f", {one}" for one in said)
