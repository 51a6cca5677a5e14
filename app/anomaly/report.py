"""How far the verdicts can be trusted: the report `anomaly` as charts and tables."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape

import numpy as np
import streamlit as st

from app.anomaly import report_figures as figures
from app.anomaly import slides
from app.anomaly.choice import AnomalyChoice
from app.anomaly.names import FAMILIES, KINDS, against_name, alpha_text, change_title, detector_title, set_titles
from app.state import session, zoo
from app.state.names import model_name
from app.ui import charts, elements, presenter, tables
from app.ui.colours import model_colour
from app.ui.elements import how_to_read, ink, missing_report
from core.anomaly.catalogue import DETECTORS
from core.anomaly.perceptron_detector import PERCEPTRON
from core.data.tasks import Task
from core.reports.anomaly.report import Anomaly
from core.reports.form.report import Row

SOURCE = (
    "Report anomaly, first test images in the data set's order; intervals at 95 %, bootstrap over images; over classes "
    "where a set's are a sample."
)


def show(task: Task, report: Anomaly | None, models: Sequence[str]) -> None:
    """All that was measured over whole sets, or how to measure it."""
    st.header("How well do the detectors find what is odd?", anchor=False)
    cards = zoo.cards_of(task.key)
    rows = [
        row
        for row in (report.report.rows if report else ())
        if row.get("model") in cards and row.get("sha256") == cards[row["model"]].sha256
    ]
    if not rows:
        missing_report(task, "anomaly", "how well each detector finds what is odd", stale=report is not None)
        return
    here = list(dict.fromkeys(str(row["model"]) for row in rows))
    _trained_robustly(task, rows, [key for key in models if key in here] or here)
    absent = [model_name(key) for key in models if key not in here]
    if absent:
        st.caption(f"Not in the report: {', '.join(absent)}.")
    _of_one(task, rows, here)


# --------------------------------------------------------------------------------------------- standard against robust


def _trained_robustly(task: Task, rows: Sequence[Row], models: Sequence[str]) -> None:
    """One detector on every set, the networks side by side; then by severity of corruptions."""
    st.subheader("Does robust training help or hurt?", anchor=False)
    part = session.page_choice(AnomalyChoice)
    st.columns([1.2, 1])[0].selectbox(
        "Detector", list(DETECTORS), format_func=detector_title,
        **session.binding("detector", "anomaly.detector.report"),
    )  # fmt: skip
    part = session.page_choice(AnomalyChoice)
    own = [row for row in rows if _is(row, part.detector) and row["model"] in models]
    if not own:
        st.caption(f"{DETECTORS[part.detector].name} is not in the report for these networks.")
        return
    tables.show(_means(own, models), "anomaly-means")
    found = {
        family: {
            (str(row["model"]), str(row["against"])): figures.Point(row["auroc"], row["auroc_low"], row["auroc_high"])
            for row in own
            if row["family"] == family
        }
        for family in FAMILIES
    }
    found = {family: points for family, points in found.items() if points}
    figure = figures.against(found, models, ink())
    said = "; ".join(f"{model_name(row['model'])} on {against_name(row['against'])} {row['auroc']:.3f}" for row in own)
    charts.show(figure, key="anomaly-against", alt=f"AUROC: {said}")
    there = {str(row["against"]) for row in own}
    titles = "; ".join(f"{against_name(key)}: {title}" for key, title in set_titles(task.key).items() if key in there)
    absent = [against_name(key) for key in set_titles(task.key) if key not in there]
    if absent:
        st.caption(f"Not in this report yet, and in no mean of it: {', '.join(absent)}.")
    counts = sorted({int(row["auroc_n"]) for row in own})
    how_to_read(
        "AUROC is the chance that an odd picture scores above a normal one: 0.5 is a guess, 1 finds all, below 0.5 the "
        "odd ones look more normal than normal ones. Lines: 95 % intervals. Of attacks only pictures count that were "
        "right before and wrong after, so a robust network has fewer, and harder, ones. Controls hold no anomaly: what "
        f"is found there is resizing or style. n = {counts[0]:,} to {counts[-1]:,} odd pictures a point. {titles}.",
        SOURCE,
    )
    corrupted = _severities(own, models)
    if corrupted:
        elements.folded("severity", "How do corruptions show as they grow?", lambda: _by_severity(corrupted, models))
    presenter.offer(partial(slides.set_slides, own, models, part.detector))


def _by_severity(corrupted: Mapping[str, Mapping[str, Sequence[figures.Point]]], models: Sequence[str]) -> None:
    """A small chart a corruption, all on one axis."""
    st.html(_key(models))
    span = figures.span_of(corrupted)
    places = [place for _ in range(-(-len(corrupted) // 4)) for place in st.columns(4, gap="medium")]
    for place, (name, points) in zip(places, corrupted.items(), strict=False):
        said = change_title(name)
        place.html(f'<div class="rs-small" data-corruption="{escape(name)}"><b>{escape(said)}</b></div>')
        figure = figures.severity(points, span, ink())
        with place:
            charts.show(figure, key=f"anomaly-severity-{name}", alt=f"AUROC by severity: {said}")


def _is(row: Row, detector: str) -> bool:
    """Whether a row measures a detector; of the perceptron, the one trained on PGD that the page uses."""
    found = row["detector"] == detector and row["kind"] != "promise"
    return found and row["trained_on"] == DETECTORS[detector].trained_on


def _means(rows: Sequence[Row], models: Sequence[str]) -> str:
    """Mean AUROC over each family, a line a network."""
    families = [family for family in FAMILIES if any(row["family"] == family for row in rows)]
    heads = "".join(f"<th>{FAMILIES[family]}</th>" for family in families)
    body = ""
    for key in models:
        cells = ""
        for family in families:
            values = [float(row["auroc"]) for row in rows if row["model"] == key and row["family"] == family]
            cells += (
                f"<td><b>{np.mean(values):.3f}</b> <small>mean of {len(values)}</small></td>"
                if values
                else "<td>–</td>"
            )
        body += (
            f'<tr data-means="{escape(key)}"><th><i style="background: {model_colour(key)}"></i>'
            f"{escape(model_name(key))}</th>{cells}</tr>"
        )
    return f'<div class="rs-wide"><table class="rs-table"><tr><th>Mean AUROC</th>{heads}</tr>{body}</table></div>'


def _key(models: Sequence[str]) -> str:
    """Which colour is whose."""
    names = "".join(
        f'<span><i style="background: {model_colour(key)}"></i>{escape(model_name(key))}</span>' for key in models
    )
    return f'<div class="rs-key-row">{names}</div>'


def _severities(rows: Sequence[Row], models: Sequence[str]) -> dict[str, dict[str, list[figures.Point]]]:
    """By corruption and network the AUROC at severities 1 to 5."""
    found: dict[str, dict[str, list[figures.Point]]] = {}
    corrupted = [row for row in rows if row["family"] == "corruption"]
    for row in sorted(corrupted, key=lambda row: (models.index(row["model"]), row["against"])):
        name = str(row["against"]).rsplit("-", 1)[0]
        point = figures.Point(row["auroc"], row["auroc_low"], row["auroc_high"])
        found.setdefault(name, {}).setdefault(str(row["model"]), []).append(point)
    return found


# -------------------------------------------------------------------------------------------------------- one network


def _of_one(task: Task, rows: Sequence[Row], here: Sequence[str]) -> None:
    """Every detector on every set, the cross-attack matrix and the promise, of one network."""
    part = session.page_choice(AnomalyChoice)
    seen = part.seen if part.seen in here else here[0]
    if st.session_state.get("anomaly.seen") != seen:
        st.session_state["anomaly.seen"] = seen
    st.columns([1.2, 1])[0].selectbox(
        "Network of the parts below", here, format_func=model_name, key="anomaly.seen",
        on_change=lambda: session.set_field("seen", st.session_state["anomaly.seen"]),
    )  # fmt: skip
    own = [row for row in rows if row["model"] == seen]
    columns = _columns([row for row in own if row["family"] in FAMILIES])
    if columns:
        elements.folded("detectors", "Which detector finds what?", lambda: _every_detector(own, columns))
    else:
        st.info("The detectors of this network were held to their promise alone, below; nothing odd was shown to them.")
    trained = [key for key in dict.fromkeys(_trained_on(row) for row in own) if key]
    if trained:
        question = "Does a detector trained on one kind find the others?"
        elements.folded("trained", question, lambda: _matrix(own, columns, trained))
    promised = [row for row in own if row["kind"] == "promise"]
    if promised:
        elements.folded("promise", "Is the false-alarm rate kept?", lambda: _promise(promised))


def _every_detector(own: Sequence[Row], columns: Mapping[str, Sequence[str]]) -> None:
    """Every detector of a network on every set."""
    by = {key: {str(row["against"]): row for row in own if _is(row, key)} for key in DETECTORS}
    groups = {
        title: [(DETECTORS[key].name, by[key]) for key in DETECTORS if DETECTORS[key].kind == kind and by[key]]
        for kind, title in KINDS.items()
    }
    tables.show(_heat(columns, groups, "anomaly-detectors"), "anomaly-detectors")
    how_to_read(
        "Figures are AUROC; green finds, brown mistakes. Point at one for its interval, AUPR and the false alarms "
        "at 95 % detection. The perceptron was trained on PGD at the full radius, what is called attack-trained on "
        "PGD at ε/4, ε/2 and ε, and the one that sees all on PGD at ε/4 and DDN, on other images each; what else they "
        "find they did not learn. The others never saw an anomaly, so comparing them is uneven: each group is to be "
        "read for itself. The weights in Joint were chosen on validation "
        "pictures that were turned, mixed, cut up or corrupted, and so was how much the norm counts in NCI; the other "
        "baselines are not tuned.",
        SOURCE,
    )


def _trained_on(row: Row) -> str:
    """What a row's perceptron was trained on; "" for other detectors."""
    return str(row["trained_on"]) if row["detector"] == PERCEPTRON else ""


def _matrix(own: Sequence[Row], columns: Mapping[str, Sequence[str]], trained: Sequence[str]) -> None:
    """The perceptron of a network, by what it was trained and tested on."""
    matrix = {
        key: {str(row["against"]): row for row in own if _trained_on(row) == key and row["kind"] != "promise"}
        for key in trained
    }
    heat = _heat(columns, {"Trained on": [(against_name(key), matrix[key]) for key in trained]}, "anomaly-matrix")
    tables.show(heat, "anomaly-matrix")
    how_to_read(
        "Rows: what the two-layer perceptron was trained on; columns: what it is tested on, with disjoint images. "
        "On the framed diagonal both are of one kind, elsewhere they are not: that is the honest case.",
        "Perceptron on gradient norms: Lee, AlRegib 2020, arXiv:2008.08030, Sec. 4.",
    )


def _columns(rows: Sequence[Row]) -> dict[str, list[str]]:
    """By family the attacks and sets that the report has."""
    found = {
        family: list(dict.fromkeys(str(r["against"]) for r in rows if r["family"] == family)) for family in FAMILIES
    }
    return {family: keys for family, keys in found.items() if keys}


def _heat(
    columns: Mapping[str, Sequence[str]], groups: Mapping[str, Sequence[tuple[str, Mapping[str, Row]]]], name: str
) -> str:
    """AUROC as a coloured table: rows in groups, columns in families."""
    top = "".join(f'<th colspan="{len(keys)}">{FAMILIES[family]}</th>' for family, keys in columns.items())
    keys = [key for family in columns.values() for key in family]
    counts = {key: row["auroc_n"] for lines in groups.values() for _, by in lines for key, row in by.items()}
    heads = "".join(
        f"<th>{escape(against_name(key))}<br><small>n = {counts.get(key, 0):,}</small></th>" for key in keys
    )
    body = ""
    for title, lines in groups.items():
        if lines and not body:
            body += f'<tr class="rs-group"><th colspan="{1 + len(keys)}">{escape(title)}</th></tr>'
        elif lines:  # the heads are out of sight by now
            again = "".join(f"<th><small>{escape(against_name(key))}</small></th>" for key in keys)
            body += f'<tr class="rs-group"><th>{escape(title)}</th>{again}</tr>'
        for words, by in lines:
            cells = "".join(_cell(by.get(key), against_name(key) == words) for key in keys)
            body += f"<tr><th>{escape(words)}</th>{cells}</tr>"
    return (
        f'<div class="rs-wide" tabindex="0"><table class="rs-heat" data-heat="{name}"><tr><th></th>{top}</tr>'
        f"<tr><th></th>{heads}</tr>{body}</table></div>"
    )


def _cell(row: Row | None, same: bool) -> str:
    if row is None:
        return "<td></td>"
    ground, text = figures.shade(float(row["auroc"]))
    told = (
        f"AUROC {row['auroc']:.3f} ({row['auroc_low']:.3f} to {row['auroc_high']:.3f}), AUPR {row['aupr']:.3f}, "
        f"false alarms at 95 % detection {row['fpr95'] * 100:.1f} %, n = {row['auroc_n']:,}"
    )
    frame = ' class="rs-same"' if same else ""
    return f'<td{frame} style="background: {ground}; color: {text}" title="{told}">{row["auroc"]:.2f}</td>'


def _promise(rows: Sequence[Row]) -> None:
    """Whether as many normal pictures were flagged as was promised."""
    alphas = sorted({float(row["alpha"]) for row in rows})
    by = {(str(row["detector"]), float(row["alpha"])): row for row in rows}
    heads = "".join(f"<th>{alpha_text(alpha)} promised</th>" for alpha in alphas)
    body = ""
    for key in [key for key in DETECTORS if any(one == key for one, _ in by)]:
        cells = "".join(_kept(by.get((key, alpha))) for alpha in alphas)
        body += f"<tr><th>{DETECTORS[key].name}</th>{cells}</tr>"
    broken = sum(not row["kept"] for row in rows)
    verdict = "All are kept." if not broken else f"{broken} of {len(rows)} are not kept."
    tables.show(
        f'<p data-promise="{broken}"><b>{verdict}</b></p><div class="rs-wide" tabindex="0">'
        f'<table class="rs-table rs-detectors"><tr><th></th>{heads}</tr>{body}</table></div>',
        "anomaly-promise",
    )
    row = rows[0]
    how_to_read(
        f"The share of {row['flagged_n']:,} normal test images that was flagged; in brackets where it must lie for "
        f"{row['calibration_n']:,} calibration images, at 95 % for all {len(rows)} checks together. It need not be the "
        "share promised to the last digit: a calibration is a draw, too.",
        "Beta-binomial interval: Vovk 2012, arXiv:1209.2673; Bates et al. 2023, arXiv:2104.08279.",
    )


def _kept(row: Row | None) -> str:
    if row is None:
        return "<td>–</td>"
    low, high = row["promised_low"] * 100, row["promised_high"] * 100
    return (
        f'<td class="{"" if row["kept"] else "rs-flagged"}"><b>{row["flagged"] * 100:.2f} %</b> '
        f"<small>({low:.2f} to {high:.2f}){'' if row['kept'] else ' broken'}</small></td>"
    )
