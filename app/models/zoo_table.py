"""The Models page's table and charts: how networks stand beside each other."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from app.models import figures
from app.models.standings import Share, Standing
from app.state.names import model_name
from app.ui import charts, tables
from app.ui.elements import how_to_read, ink
from core.data.tasks import Task
from core.metrics.survival_curve import survival_curve
from core.norms import Norm
from core.reports.form.provenance import in_words
from core.reports.robustness.report import Robustness

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
