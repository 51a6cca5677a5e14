"""The rows of the report `saliency`: figures of measures, and the relation of alignment to robustness."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.metrics.intervals import bootstrap
from core.metrics.map_agreement import spearman
from core.reports.form.report import Arrays, Row, read_report, report_path
from core.saliency.measures.catalogue import SALIENCY_MEASURES

RELATED = ("alignment", "alignment-cosine", "linearised-robustness")
"""The measures of networks that are held against robustness."""
FEWEST = 4
"""Networks that a rank correlation needs to say anything."""

Figures = Mapping[str, Mapping[str, float]]
"""By what was measured, and by network."""


def robustness(task: str, weights: Mapping[str, str], arrays: Arrays, reports: Path) -> Figures:
    """What is known of the networks' robustness: `pgd` from the arrays, the rest from other reports on these weights.

    Args:
        task: the task's key.
        weights: the checksums of the networks' weights, by key.
        arrays: of this report.
        reports: folder of the reports `adversarial` and `accuracy`; what is not there, or has no figure, is left out.

    Raises:
        InputError: one of them is damaged.
    """
    found: dict[str, dict[str, float]] = {"pgd": {key: float(arrays[f"pgd__{key}"].mean()) for key in weights}}
    for report, figure in (("adversarial", "ara"), ("accuracy", "robust")):
        path = report_path(task, report, reports)
        for row in read_report(path).rows if path.exists() else ():
            name = figure if report == "adversarial" else f"{figure}-{row['norm']}"
            if weights.get(row["model"]) == row["sha256"] and row[figure] is not None:
                found.setdefault(name, {})[row["model"]] = float(row[figure])
    return found


def rows(
    weights: Mapping[str, str], measures: Sequence[str], methods: Sequence[str], arrays: Arrays, known: Figures
) -> Iterator[Row]:
    """The rows of the networks in the order given, and then the relations.

    Args:
        weights: the checksums of the networks' weights, by key.
        measures: keys of the measures.
        methods: keys of the methods.
        arrays: of the report.
        known: the networks' robustness.
    """
    for key, sha256 in weights.items():
        for measure in (*measures, "area"):
            of_network = measure == "area" or SALIENCY_MEASURES[measure].of == "network"
            for method in [""] if of_network else methods:
                values = arrays.get("__".join(filter(None, (measure, key, method))))
                if values is not None:
                    better = "neither" if measure == "area" else SALIENCY_MEASURES[measure].better
                    head = {"model": key, "sha256": sha256, "method": method, "measure": measure, "better": better}
                    yield head | figure(measure, values)
    for measure in RELATED:
        if measure in measures:
            medians = {key: figure(measure, arrays[f"{measure}__{key}"])["value"] for key in weights}
            for against, robust in known.items():
                yield relation(measure, medians, against, robust)


def figure(measure: str, values: NDArray[Any]) -> Row:
    """Median (of hits and shares of the object the mean) with its interval and n, and the mean; null without images."""
    values = values[np.isfinite(values)].astype(np.float64)
    if len(values) == 0:
        return {"value": None, "value_low": None, "value_high": None, "value_n": 0, "mean": None}
    low, high = bootstrap(values, lambda drawn: middle(measure, drawn))
    return {
        "value": middle(measure, values),
        "value_low": low,
        "value_high": high,
        "value_n": len(values),
        "mean": float(values.mean()),
    }


def middle(measure: str, values: NDArray[Any]) -> float:
    """The median of what a measure gives (n,), of hits and shares of the object the mean; NaN where nothing is left.

    Infinite entries and NaN are left out.
    """
    values = values[np.isfinite(values)].astype(np.float64)
    if len(values) == 0:
        return float("nan")
    on_object = measure == "area" or SALIENCY_MEASURES[measure].needs == "inside"
    return float(np.mean(values) if on_object else np.median(values))


def relation(measure: str, medians: Mapping[str, float | None], against: str, robust: Mapping[str, float]) -> Row:
    """Spearman's correlation over networks between the median of a measure and their robustness."""
    pairs = [(medians[key], robust[key]) for key in robust if medians.get(key) is not None]
    head: Row = {
        "model": "",
        "sha256": "",
        "method": "zoo",
        "measure": f"relation-{measure}",
        "against": against,
        "better": "neither",
    }
    nothing: Row = {"value": None, "value_low": None, "value_high": None, "value_n": len(pairs), "mean": None}
    if len(pairs) < FEWEST:
        return head | nothing
    table = np.array(pairs, np.float64)
    value = _rank_correlation(table)
    if np.isnan(value):
        return head | nothing
    # A resample may hold one network only, of which nothing can be said; it counts as no correlation.
    low, high = bootstrap(table, lambda drawn: float(np.nan_to_num(_rank_correlation(drawn))))
    return head | {"value": value, "value_low": low, "value_high": high, "value_n": len(pairs), "mean": None}


def _rank_correlation(table: NDArray[np.floating[Any]]) -> float:
    return spearman(table[:, 0], table[:, 1])
